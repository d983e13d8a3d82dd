#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# cgroup_v2 - what "make check-qemu" makes of tests/qemu/run: all its tests, of the build in this folder
exec "${srcdir:-.}/tests/qemu/run" .
