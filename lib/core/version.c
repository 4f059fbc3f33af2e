/* The version at run time. */
#include <mele/version.h>

const char *mele_version(void)
{
    return MELE_VERSION;
}

int mele_version_number(void)
{
    return MELE_VERSION_NUMBER;
}
