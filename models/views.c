/* SPDX-License-Identifier: Apache-2.0 */
/* views.c - views.sql, compiled in. */
#include "models/views_sql.h"
#include "models/world.h"

const char *world_views(void)
{
    return views_sql;
}
