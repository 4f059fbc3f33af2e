# MELE_ENABLE(NAME, HELP): an --enable-NAME that is off by default.
AC_DEFUN([MELE_ENABLE],
  [AC_ARG_ENABLE([$1], [AS_HELP_STRING([--enable-$1], [$2])], [], [AS_TR_SH([enable_$1])=no])])

# MELE_CC_FLAGS(VARIABLE, FLAGS): put into VARIABLE, substituted, the FLAGS the compiler takes.
AC_DEFUN([MELE_CC_FLAGS], [
  $1=
  for mele_flag in $2; do
    AC_MSG_CHECKING([whether $CC takes $mele_flag])
    mele_saved_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS -Werror $mele_flag"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
      [$1="$[]$1 $mele_flag"; AC_MSG_RESULT([yes])], [AC_MSG_RESULT([no])])
    CFLAGS=$mele_saved_CFLAGS
  done
  AC_SUBST([$1])])
