/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message is formatted whole and written with one call, so that lines of several processes on
 * one terminal or pipe do not mix. Names of guests come from outside: control characters are
 * replaced, so that nobody can forge a line.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A longer message is cut. */
#define LOG_LINE_MAX 2048

static enum log_level log_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
    log_level = level;
}

static void replace_control_characters(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = ' ';
    }
}

void log_message(enum log_level level, const char *format, ...)
{
    char line[LOG_LINE_MAX];
    size_t used = 0;
    va_list args;

    if (level > log_level)
        return;
    if (getenv("JOURNAL_STREAM"))
        used = (size_t)snprintf(line, sizeof(line), "<%d>", (int)level);
    va_start(args, format);
    (void)vsnprintf(line + used, sizeof(line) - 1 - used, format, args);
    va_end(args);
    replace_control_characters(line);
    used = strlen(line);
    line[used++] = '\n';
    /* Nobody is left to be told where standard error is closed. */
    if (write(STDERR_FILENO, line, used) < 0)
        return;
}
