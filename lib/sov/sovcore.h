/* SPDX-License-Identifier: Apache-2.0 */
/* sovcore.h - all public headers of libsovcore */
#ifndef SOV_SOVCORE_H
#define SOV_SOVCORE_H

#include "sov/allot.h"
#include "sov/archive.h"
#include "sov/audit.h"
#include "sov/base.h"
#include "sov/bench.h"
#include "sov/calib.h"
#include "sov/chat.h"
#include "sov/claim.h"
#include "sov/desk.h"
#include "sov/err.h"
#include "sov/export.h"
#include "sov/hash.h"
#include "sov/index.h"
#include "sov/inspect.h"
#include "sov/io.h"
#include "sov/key.h"
#include "sov/ledger.h"
#include "sov/lora.h"
#include "sov/machine.h"
#include "sov/measure.h"
#include "sov/meta.h"
#include "sov/model.h"
#include "sov/power.h"
#include "sov/proof.h"
#include "sov/quant.h"
#include "sov/request.h"
#include "sov/run.h"
#include "sov/saved.h"
#include "sov/stats.h"
#include "sov/tensor.h"
#include "sov/token.h"
#include "sov/write.h"

#endif
