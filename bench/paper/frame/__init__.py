# SPDX-License-Identifier: Apache-2.0
"""What the experiments have in common: bench.py is what they see, the others are its parts."""
