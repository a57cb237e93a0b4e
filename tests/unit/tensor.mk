# SPDX-License-Identifier: Apache-2.0
# tests/unit/tensor.mk - unit tests of lib/tensor
