# shellcheck shell=bash
# The platform: Debian 13 with the packages of tools/packages.debian13, whatever this machine runs.
# Sourced by ./dev. Debian 13 and later: packages through apt, run natively. Debian 12: a Debian 13 root
# made once in the user's cache folder, keyed by the package list, entered by tools/dev/enter.sh.
# Always: a root that exists under its final name is complete; half-made ones have another name and are removed.

PACKAGE_LIST=$CLONE/tools/packages.debian13
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/order-system
PLATFORM_MAKING=

# platform_enter ARGUMENTS...: returns where the platform is at hand, otherwise runs ./dev ARGUMENTS inside it.
platform_enter() {
    [ -z "${ORDER_PLATFORM:-}" ] || return 0
    case $(system_kind) in
    debian) platform_native ;;
    old-debian) platform_root_enter "$@" ;;
    *) platform_foreign ;;
    esac
}

system_kind() {
    local ID='' VERSION_ID=''
    # shellcheck source=/dev/null
    [ ! -r /etc/os-release ] || . /etc/os-release
    if [ "$ID" != debian ]; then
        echo foreign
    elif [ -z "$VERSION_ID" ] || [ "$VERSION_ID" -ge 13 ]; then
        echo debian # testing and unstable have no VERSION_ID
    else
        echo old-debian
    fi
}

package_names() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$PACKAGE_LIST"; }

# --- natively ---

platform_native() {
    local missing
    mapfile -t missing < <(packages_missing)
    if [ ${#missing[@]} -gt 0 ]; then
        [ "$(id -u)" -eq 0 ] || die "Debian packages are missing. Run ./dev once as root, or install them:" \
            "sudo apt-get install --no-install-recommends ${missing[*]}"
        packages_install "${missing[@]}"
    fi
    export ORDER_PLATFORM=native
}

packages_missing() {
    comm -13 <(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | sed -n 's/^ii  *//p' | sort -u) \
        <(package_names | sort -u)
}

packages_install() {
    local log=$CLONE/.dev/log/apt.log what=$*
    [ $# -le 3 ] || what="$# of them"
    step "installing Debian packages: $what" "$log" apt_install "$@" ||
        die "apt-get could not install the packages." "Look at $log, then run ./dev again."
}

# Stale or empty package lists, or an interrupted dpkg, are the usual reasons to fail: mend both and try again.
# The servers among the packages are not to be started: ./dev starts private ones.
apt_install() {
    local policy=/usr/sbin/policy-rc.d made_policy='' status=0
    export DEBIAN_FRONTEND=noninteractive
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
        made_policy=yes
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT TERM INT
    fi
    apt_get install "$@" || { dpkg --configure -a && apt_get update && apt_get install "$@"; } || status=$?
    [ -z "$made_policy" ] || rm -f "$policy"
    return "$status"
}

apt_get() { apt-get -y -o DPkg::Lock::Timeout=300 -o APT::Install-Recommends=false "$@"; }

# Another distribution: use it when it has what is needed, otherwise say what that is.
platform_foreign() {
    local program missing=()
    for program in gcc cmake ninja pkg-config protoc-c redis-server rabbitmq-server psql node npm; do
        command -v "$program" >/dev/null || missing+=("$program")
    done
    [ ${#missing[@]} -eq 0 ] || die "this is not Debian, and these programs are missing: ${missing[*]}" \
        "Install what corresponds to tools/packages.debian13, or use Debian 12 or 13 as root," \
        "or run the system in containers: docker compose up --build"
    export ORDER_PLATFORM=native
}

# --- in a Debian 13 root ---

platform_root_enter() {
    local root
    [ "$(id -u)" -eq 0 ] || die "on Debian 12 ./dev needs root: it runs everything in a Debian 13 root." \
        "Run it as root, use Debian 13, or run the system in containers: docker compose up --build"
    unshare --mount true 2>/dev/null || die "root may not make a mount namespace here, and on Debian 12 ./dev needs one." \
        "In a container: start it with CAP_SYS_ADMIN, or use a Debian 13 image."
    root=$CACHE/debian13-$(package_names | sort | sha256sum | head -c 12)
    [ -d "$root" ] || platform_root_make "$root"
    exec unshare --mount --propagation private \
        bash "$CLONE/tools/dev/enter.sh" "$root" "$CLONE" "$@"
}

platform_root_make() {
    local root=$1 log=$CLONE/.dev/log/platform.log mirror
    mkdir -p "$CACHE"
    exec 9>"$CACHE/lock"
    flock --nonblock 9 || {
        say "  ..    another ./dev is making the Debian 13 root; waiting for it"
        flock 9
    }
    if [ ! -d "$root" ]; then
        rm -rf --one-file-system "$CACHE"/making-*
        command -v mmdebstrap >/dev/null || packages_install "mmdebstrap"
        trixie_keys || packages_install "debian-archive-keyring"
        trixie_keys || die "this system's debian-archive-keyring does not know Debian 13." \
            "Upgrade that package (apt-get update && apt-get install debian-archive-keyring) and run ./dev again."
        mirror=$(debian_mirror)
        [ -n "$mirror" ] || die "apt has no Debian archive configured, so there is nothing to make the root from." \
            "Check that 'apt-get update' works and lists Debian's main component."
        PLATFORM_MAKING=$CACHE/making-$$
        step "making a Debian 13 root, once (1.2 GB, about a minute)" "$log" \
            make_root "$PLATFORM_MAKING" "$mirror" ||
            die "the Debian 13 root could not be made." "Look at $log; ./dev starts afresh next time."
        mv "$PLATFORM_MAKING" "$root"
        PLATFORM_MAKING=
    fi
    exec 9>&-
}

# Somebody's root directory, or below it.
platform_root_used() { find /proc -maxdepth 2 -name root -lname "$1*" 2>/dev/null | grep -q .; }

# platform_cancel: for the traps; what was half-made goes.
platform_cancel() {
    [ -z "$PLATFORM_MAKING" ] || rm -rf --one-file-system "$PLATFORM_MAKING"
}

trixie_keys() { compgen -G '/usr/share/keyrings/debian-archive-trixie-stable.*' >/dev/null; }

# The mirror that this system itself uses; its security archive has no full Debian.
debian_mirror() {
    { [ -n "$(apt-get indextargets 'Created-By: Packages' 2>/dev/null)" ] || apt_get update >/dev/null 2>&1; } || true
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI) $(COMPONENT) $(ORIGIN) $(LABEL)' 'Created-By: Packages' |
        awk '$2 == "main" && $3 == "Debian" && $4 == "Debian" { print $1; exit }'
}

# In a mount namespace of its own: whatever mmdebstrap mounts is gone when it ends, however it ends.
make_root() {
    unshare --mount --propagation private mmdebstrap --mode=root --variant=minbase \
        --include="$(package_names | paste -sd,)" \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt=force-unsafe-io --essential-hook="$CLONE/tools/dev/root-hook.sh" \
        trixie "$1" "deb $2 trixie main"
}
