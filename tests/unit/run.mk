# SPDX-License-Identifier: Apache-2.0
# tests/unit/run.mk - unit tests of lib/run
