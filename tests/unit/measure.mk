# SPDX-License-Identifier: Apache-2.0
# tests/unit/measure.mk - unit tests of lib/measure
