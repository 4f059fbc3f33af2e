/* The version that headers and the library say. */
#include <criterion/criterion.h>
#include <mele/mele.h>
#include <stdio.h>

Test(version, headers_and_library_agree)
{
    char text[64];

    cr_assert_str_eq(mele_version(), MELE_VERSION);
    cr_assert_eq(mele_version_number(), MELE_VERSION_NUMBER);
    snprintf(text, sizeof text, "%d.%d.%d", MELE_VERSION_MAJOR, MELE_VERSION_MINOR,
             MELE_VERSION_PATCH);
    cr_assert_str_eq(text, PACKAGE_VERSION);
    cr_assert_eq(MELE_VERSION_NUMBER,
                 MELE_VERSION_MAJOR * 10000 + MELE_VERSION_MINOR * 100 + MELE_VERSION_PATCH);
}
