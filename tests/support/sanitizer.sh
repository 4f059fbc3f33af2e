# To be read by sh. Sanitizers write what they find to files beside the tests, because a finding
# on standard error is lost where nobody looks at it (Criterion passes a test that leaks).

# sanitizer_begin DIRECTORY: from now on findings go to files of DIRECTORY.
sanitizer_begin()
{
    sanitizer_files=$1/finding
    ASAN_OPTIONS="$ASAN_OPTIONS:log_path=$sanitizer_files:allocator_may_return_null=1"
    UBSAN_OPTIONS="$UBSAN_OPTIONS:log_path=$sanitizer_files:print_stacktrace=1"
    TSAN_OPTIONS="$TSAN_OPTIONS:log_path=$sanitizer_files:allocator_may_return_null=1"
    TSAN_OPTIONS="$TSAN_OPTIONS:suppressions=$srcdir/tests/support/tsan.supp"
    LSAN_OPTIONS="$LSAN_OPTIONS:log_path=$sanitizer_files"
    export ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS LSAN_OPTIONS
}

# sanitizer_findings: print what was found since sanitizer_begin, as TAP comments; status 0 when
# there is something.
sanitizer_findings()
{
    for sanitizer_file in "$sanitizer_files".*; do
        [ -s "$sanitizer_file" ] || return 1
        sed 's/^/# /' "$sanitizer_file"
    done
}
