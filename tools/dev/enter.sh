#!/usr/bin/env bash
# Runs ./dev inside the Debian 13 root: enter.sh ROOT CLONE ARGUMENTS...
# Called by tools/dev/platform.sh in a fresh mount namespace, so every mount made here is private to this call
# and to the processes it leaves behind.
# Always: the root itself is read-only, so calls and clones can share it. The host's own directories (home, project,
# data) are visible at their own paths; its system directories are not.
set -euo pipefail

root=$1 clone=$2
shift 2
cwd=$PWD

main() {
    # Unbindable: showing the directory that holds the root must not show the root's mounts a second time.
    mount --bind "$root" "$root"
    mount --make-unbindable "$root"
    for system in proc dev sys; do mount --rbind "/$system" "$root/$system"; done
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mount --bind /var/tmp "$root/var/tmp"
    show_own_directories
    show_settings
    mount -o remount,bind,ro "$root"

    [ -d "$root$cwd" ] || cwd=$clone
    unset LD_PRELOAD LD_LIBRARY_PATH LIBRARY_PATH
    exec chroot "$root" /usr/bin/env -C "$cwd" ORDER_PLATFORM="$root" \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$clone/dev" "$@"
}

show_own_directories() {
    local dir
    for dir in /*; do
        case $dir in
        /bin | /boot | /dev | /etc | /lib* | /lost+found | /proc | /run | /sbin | /sys | /usr | /var) ;;
        *) [ -L "$dir" ] || [ ! -d "$dir" ] || show "$dir" ;;
        esac
    done
    # Below the system directories (a clone under /var, say) only what is needed, and nothing over what the root has
    # there itself. An empty directory is where an earlier call mounted.
    [ "$clone" -ef "$root$clone" ] || show "$clone"
    for dir in "$clone/../shared" "$(git_dir)" "$HOME" "$cwd"; do
        dir=$(readlink -f "$dir" 2>/dev/null) || continue
        [ -d "$dir" ] || continue
        [ -n "$(ls -A "$root$dir" 2>/dev/null)" ] || show "$dir"
    done
}

show() {
    mkdir -p "$root$1"
    mount --rbind "$1" "$root$1"
}

# Of a worktree too: its repository may be anywhere.
git_dir() { git -C "$clone" rev-parse --path-format=absolute --git-common-dir 2>/dev/null || true; }

# Name resolution, certificates and npm's settings are this machine's business: the root uses the host's.
show_settings() {
    local file
    for file in /etc/resolv.conf /etc/hosts /etc/npmrc /usr/etc/npmrc /etc/ssl/certs/ca-certificates.crt \
        "${NODE_EXTRA_CA_CERTS:-}" "${SSL_CERT_FILE:-}" "$(npm_setting cafile)"; do
        [ -f "$file" ] || continue
        [ "$file" -ef "$root$file" ] || show_file "$file"
    done
    [ ! -f /usr/etc/npmrc ] || export npm_config_globalconfig=/usr/etc/npmrc
    [ ! -f /etc/npmrc ] || export npm_config_globalconfig=/etc/npmrc
}

show_file() {
    [ ! -L "$root$1" ] || rm -f "$root$1"
    if [ ! -e "$root$1" ]; then
        mkdir -p "$root${1%/*}"
        : >"$root$1"
    fi
    mount --bind "$(readlink -f "$1")" "$root$1"
}

npm_setting() {
    sed -n "s/^ *$1 *= *\"\{0,1\}\([^\"]*\)\"\{0,1\} *\$/\1/p" /etc/npmrc /usr/etc/npmrc "$HOME/.npmrc" 2>/dev/null | tail -n 1
}

main "$@"
