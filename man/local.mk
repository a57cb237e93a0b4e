# SPDX-License-Identifier: Apache-2.0
# man/local.mk - the manual pages; one per tool, sov(7), sovcore(3)
