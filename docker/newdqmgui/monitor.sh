#!/bin/bash
# Gets a Kerberos ticket with the one keytab in /etc/secrets, and keeps it fresh.
#   monitor.sh         the ticket is there and kept fresh when this returns 0; else it says why not and returns 1
#   monitor.sh watch   goes on, and says when the ticket has run out and when it is back
# Settings: DQMGUI_SECRETS_DIR, where Vault is told to put secrets elsewhere; KRB5CCNAME and KRB5_CONFIG are Kerberos' own.
set -euo pipefail

secrets_dir=${DQMGUI_SECRETS_DIR:-/etc/secrets}
check_seconds=${DQMGUI_TICKET_CHECK_SECONDS:-60}
try_seconds=${DQMGUI_TICKET_TRY_SECONDS:-60}
# Named, because the default of the EL family is the kernel's keyring, which a container may not have.
export KRB5CCNAME=${KRB5CCNAME:-FILE:/tmp/krb5cc_$(id -u)}
keeper_file=${KRB5CCNAME#FILE:}.k5start.pid
# The reasons below are told apart by Kerberos' own words.
export LC_ALL=C

fail() {
    printf 'ERROR %s\n' "$1" >&2
    [ $# -lt 2 ] || printf '  next: %s\n' "$2" >&2
    exit 1
}

find_keytab() {
    local file found=()
    for file in "$secrets_dir"/*.keytab; do
        [ ! -f "$file" ] || found+=("$file")
    done
    # (an empty array is an unset one to the bash of CentOS 7)
    case ${found[*]+${#found[@]}} in
        1) printf '%s' "${found[0]}" ;;
        '') fail "no keytab in $secrets_dir, so there is no Kerberos ticket and no file on EOS can be read" \
            "put one *.keytab file into the Secret that is mounted there" ;;
        *) fail "several keytabs in $secrets_dir, and nothing says which one counts: ${found[*]##*/}" "leave one of them in the Secret" ;;
    esac
}

find_principal() {
    local keytab=$1 listing principals
    [ -r "$keytab" ] || fail "$keytab may not be read by $(id -un)"
    # Of a failure only klist's reason, the first line of its two.
    listing=$(klist -k "$keytab" 2>&1) || fail "$keytab is not a keytab (${listing%%$'\n'*})" "was it decrypted before it was put into the Secret?"
    principals=$(awk '$1 ~ /^[0-9]+$/ {print $2}' <<<"$listing" | sort -u)
    case $principals in
        '') fail "$keytab holds no key" "make it anew" ;;
        *$'\n'*) fail "$keytab holds keys of several principals: ${principals//$'\n'/, }" "make it anew with one of them" ;;
        *) printf '%s' "$principals" ;;
    esac
}

# A keeper (-K) goes on trying for ever with a wrong keytab, and still ends with 0: this first try tells.
try_once() {
    local keytab=$1 principal=$2 said status=0
    said=$(timeout "$try_seconds" k5start -q -f "$keytab" "$principal" 2>&1) || status=$?
    [ "$status" -ne 0 ] || return 0
    [ "$status" -ne 124 ] || said="no answer within $try_seconds s"
    said=${said##*: error }
    case $said in
        *"Decrypt integrity check failed"* | *"Preauthentication failed"* | *"no suitable keys"* | *"Key table entry not found"*)
            fail "the keytab ${keytab##*/} is not the key of $principal any more ($said)" "make the keytab anew: its principal's password was changed after it was made" ;;
        *"has expired"*)
            fail "$principal has expired ($said)" "have the account renewed" ;;
        *"not found in Kerberos database"*)
            fail "the KDC does not know $principal ($said)" "is it the keytab of another realm, or of an account that is gone?" ;;
        *revoked* | *"locked out"*)
            fail "$principal is locked ($said)" "have the account unlocked" ;;
        *"Clock skew"*)
            fail "the clock of this node is not the KDC's ($said)" "set the node's clock" ;;
        *"Cannot contact any KDC"* | *"Cannot find KDC"* | *"Cannot resolve"* | *"no answer within"*)
            fail "no KDC answers for ${principal##*@} ($said)" "is ${KRB5_CONFIG:-/etc/krb5.conf} right, and may the pod reach the KDC?" ;;
        *) fail "no ticket for $principal ($said)" ;;
    esac
}

is_keeper() {
    [ "$(cat "/proc/$1/comm" 2>/dev/null)" = k5start ]
}

keep_fresh() {
    local keytab=$1 principal=$2 keeper
    keeper=$(cat "$keeper_file" 2>/dev/null || true)
    if [ -n "$keeper" ] && is_keeper "$keeper"; then
        kill "$keeper"
    fi
    rm -f "$keeper_file"
    timeout "$try_seconds" k5start -q -K 30 -b -p "$keeper_file" -f "$keytab" "$principal" ||
        fail "k5start does not stay to keep the ticket of $principal fresh"
    # It writes the file after it has gone to the background.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        keeper=$(cat "$keeper_file" 2>/dev/null || true)
        if [ -n "$keeper" ] && is_keeper "$keeper" && klist -s; then
            return 0
        fi
        sleep 0.2
    done
    fail "k5start does not stay to keep the ticket of $principal fresh"
}

obtain() {
    local keytab principal program
    for program in k5start klist; do
        command -v "$program" >/dev/null || fail "$program is missing in the image" "install.sh packages installs it"
    done
    keytab=$(find_keytab)
    principal=$(find_principal "$keytab")
    try_once "$keytab" "$principal"
    keep_fresh "$keytab" "$principal"
    echo "INFO Kerberos ticket of $principal in $KRB5CCNAME, kept fresh by process $(cat "$keeper_file")"
}

watch() {
    local lost=""
    while sleep "$check_seconds"; do
        if klist -s; then
            [ -z "$lost" ] || echo "INFO the Kerberos ticket is back"
            lost=""
        elif [ -z "$lost" ]; then
            lost=yes
            echo "ERROR the Kerberos ticket has run out, and files on EOS cannot be read: does the KDC answer, was the keytab replaced?" >&2
        fi
    done
}

case ${1:-obtain} in
    obtain) obtain ;;
    watch) watch ;;
    *) fail "no such argument: $1" "monitor.sh [watch]" ;;
esac
