# To be read by bash. What the house tests print their TAP with.

shopt -s lastpipe # so that tap_empty counts at the end of a pipe

tap_count=0

# tap STATUS NAME: one test; ok when STATUS is 0.
tap()
{
    tap_count=$((tap_count + 1))
    if [ "$1" = 0 ]; then echo "ok - $2"; else echo "not ok - $2"; fi
}

# tap_empty NAME: ok when standard input is empty; otherwise it is what is wrong.
tap_empty()
{
    tap_wrong=$(cat)
    [ -z "$tap_wrong" ]
    tap $? "$1"
    [ -z "$tap_wrong" ] || printf '%s\n' "$tap_wrong" | sed 's/^/# /'
}

# tap_skip NAME REASON
tap_skip()
{
    tap_count=$((tap_count + 1))
    echo "ok - $1 # SKIP $2"
}

tap_done()
{
    echo "1..$tap_count"
}
