# SPDX-License-Identifier: Apache-2.0
# tests/unit/nn.mk - unit tests of lib/nn
