#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# version - print the version of this tree; the only place that states it
printf '%s\n' 0.1.0
