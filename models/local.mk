# SPDX-License-Identifier: Apache-2.0
# models/local.mk - the built-in model
