# SPDX-License-Identifier: Apache-2.0
# completions/local.mk - for bash, zsh and fish; made by scripts/gen-completions.sh
