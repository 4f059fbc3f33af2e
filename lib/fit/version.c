#include <mele/mele.h>

const char *mele_version(void)
{
    return PACKAGE_VERSION;
}
