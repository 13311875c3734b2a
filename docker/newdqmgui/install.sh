#!/bin/bash
# Makes the image, one step per call: packages · user · source SOURCE · requirements [PYTHON]. The first error ends it.
set -euo pipefail

app_dir=/home/cmsusr/dqmgui
context=/opt/image/context
least_cmake=3.12

fail() {
    printf 'ERROR %s\n' "$1" >&2
    [ $# -lt 2 ] || printf '  next: %s\n' "$2" >&2
    exit 1
}

# What every family calls the same. The service's needs: a compiler, headers of zlib, openssl, libuuid and Python;
# the scripts' needs: sudo, setsid and flock (util-linux), pgrep (procps), k5start (kstart), klist.
install_packages() {
    if command -v apt-get >/dev/null; then
        install_debian
    elif command -v dnf >/dev/null; then
        install_el dnf
    elif command -v yum >/dev/null; then
        install_el yum
    else
        fail "the base image has none of apt-get, dnf and yum" "take a BASE_IMAGE of the EL or the Debian family"
    fi
    check_cmake
}

install_debian() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update
    apt-get install --yes --no-install-recommends \
        ca-certificates cmake g++ gcc git kstart krb5-user libssl-dev make procps python3 python3-dev python3-pip \
        python3-wheel python3-xrootd sudo util-linux uuid-dev wget xrootd-client zlib1g-dev
    rm -rf /var/lib/apt/lists/*
}

install_el() {
    local manager=$1 cmake=cmake
    # kstart and xrootd are in EPEL alone; CentOS 7 also has its newer cmake there, under another name.
    "$manager" -y install epel-release ||
        fail "$manager cannot install epel-release: CentOS 7 has reached its end of life, and most mirrors of it are gone" \
            "take a BASE_IMAGE of EL 8 or newer, or one whose repositories still answer"
    ! grep -q '^VERSION_ID="7' /etc/os-release || cmake=cmake3
    "$manager" -y install \
        "$cmake" gcc gcc-c++ git krb5-workstation kstart libuuid-devel make openssl-devel procps-ng python3 python3-devel \
        python3-pip python3-xrootd sudo util-linux wget xrootd-client zlib-devel
    [ "$cmake" = cmake ] || ln -sf /usr/bin/cmake3 /usr/local/bin/cmake
    python3 -m pip install --no-cache-dir wheel
    "$manager" clean all
    rm -rf /var/cache/yum /var/cache/dnf
}

check_cmake() {
    local found
    found=$(cmake --version | awk 'NR == 1 {print $3}')
    if [ "$(printf '%s\n' "$least_cmake" "$found" | sort -V | head -n 1)" != "$least_cmake" ]; then
        fail "cmake is $found, and at least $least_cmake is needed"
    fi
}

# The pod runs as 1000:1000, whatever name the base has for that, and sudo wants a name.
# The rights are those that the chart's start script needs; its settings survive sudo, which else clears the environment.
add_user() {
    getent group 1000 >/dev/null || groupadd --gid 1000 _cmsusr
    getent passwd 1000 >/dev/null || useradd --uid 1000 --gid 1000 --home-dir /home/cmsusr --shell /bin/bash _cmsusr
    mkdir -p /home/cmsusr /etc/grid-security
    cat >/etc/sudoers.d/newdqmgui <<'END'
Defaults:#1000 !requiretty
Defaults:#1000 env_keep += "DQMGUI_* VO_CMS_SW_DIR KRB5_CONFIG KRB5CCNAME"
#1000 ALL=(root) NOPASSWD: /bin/mkdir -p /etc/grid-security, /usr/bin/mkdir -p /etc/grid-security
#1000 ALL=(root) NOPASSWD: /bin/cp -- /host/etc/grid-security/* /etc/grid-security/, /usr/bin/cp -- /host/etc/grid-security/* /etc/grid-security/
#1000 ALL=(root) NOPASSWD: /bin/bash /home/cmsusr/run.sh, /usr/bin/bash /home/cmsusr/run.sh
END
    chmod 0440 /etc/sudoers.d/newdqmgui
    visudo --check --quiet --file=/etc/sudoers.d/newdqmgui
}

# SOURCE: a folder of the build context, or a git URL, `#` and a branch, tag or commit after it where it is not the default branch.
take_source() {
    local source=${1:?}
    mkdir -p "$app_dir"
    case $source in
        *://*@*) fail "DQMGUI_SOURCE holds a user name or a password, and build arguments are kept in the image" "take a public URL, or a folder of the build context" ;;
        *://*) clone "${source%%#*}" "$(git_reference "$source")" ;;
        /* | *..*) fail "DQMGUI_SOURCE is neither a URL nor a folder of the build context: $source" "name a folder beside the Dockerfile" ;;
        *)
            [ -d "$context/$source" ] ||
                fail "DQMGUI_SOURCE is neither a URL nor a folder of the build context: $source" "name a folder beside the Dockerfile"
            cp -R "$context/$source/." "$app_dir/"
            ;;
    esac
    check_layout
}

git_reference() {
    case $1 in
        *'#'*) printf '%s' "${1#*#}" ;;
        *) printf 'HEAD' ;;
    esac
}

# Fetched by name, since a clone takes no commit; the commit is left in a file, for the history is not in the image.
clone() {
    git init --quiet "$app_dir"
    git -C "$app_dir" fetch --quiet --depth 1 "$1" "$2"
    git -C "$app_dir" checkout --quiet FETCH_HEAD
    git -C "$app_dir" rev-parse HEAD >"$app_dir/REVISION"
    rm -rf "$app_dir/.git"
}

check_layout() {
    local file
    for file in scripts/build.sh scripts/dqmgui.sh python/requirements.txt; do
        [ -f "$app_dir/$file" ] || fail "the source of the service has no $file" "is DQMGUI_SOURCE the right one?"
    done
}

# The server looks into this folder first, so what it needs stays apart from what the base has.
install_requirements() {
    "${1:-python3}" -m pip install --no-cache-dir \
        --requirement "$app_dir/python/requirements.txt" --target "$app_dir/python/.python_packages"
}

case ${1:-} in
    packages) install_packages ;;
    user) add_user ;;
    source) take_source "${2:-}" ;;
    requirements) install_requirements "${2:-python3}" ;;
    *) fail "no such step: ${1:-}" "install.sh packages | user | source SOURCE | requirements [PYTHON]" ;;
esac
