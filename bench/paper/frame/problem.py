# SPDX-License-Identifier: Apache-2.0


class Problem(Exception):
    """The experiment can't go on; one line why."""
