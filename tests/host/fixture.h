/* SPDX-License-Identifier: Apache-2.0 */
/* A host root of our own in a temporary directory, removed with all it holds. */
#pragma once

struct fixture {
    char *root;
};

void fixture_init(struct fixture *f);
void fixture_deinit(struct fixture *f);

/* Writes ROOT/PATH and makes its directories. */
void fixture_write(struct fixture *f, const char *path, const char *text);
