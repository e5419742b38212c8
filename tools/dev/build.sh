# shellcheck shell=bash
# Building, and the npm tools. Sourced by ./dev.

PRESETS="dev release asan tsan fuzz"

# build PRESET: configures when needed; programs come to build/PRESET/bin. Says itself what went wrong.
build() {
    local preset=$1 log=$CLONE/.dev/log/build-$1.log
    [[ " $PRESETS " == *" $preset "* ]] || die "there is no preset '$preset'." "Presets: $PRESETS"
    mkdir -p "$CLONE/.dev/log"
    step "build ($preset)" "$log" build_preset "$preset" && return
    say "dev: the build ($preset) failed. The whole log: $log"
    return 1
}

build_preset() {
    (
        flock 6 # two ninjas in one folder would fight
        cd "$CLONE" &&
            { [ -f "build/$1/build.ninja" ] || cmake --preset "$1"; } &&
            cmake --build --preset "$1"
    ) 6>"$CLONE/.dev/log/build-$1.lock"
}

# tools_install: dbmate and buf, again only when the lock file changed.
tools_install() {
    local hash stamp=$CLONE/tools/node_modules/.installed
    hash=$(sha256sum <"$CLONE/tools/package-lock.json")
    [ "$(cat "$stamp" 2>/dev/null)" != "$hash" ] || return 0
    step "npm tools" "$CLONE/.dev/log/npm.log" npm_ci ||
        die "npm could not install dbmate and buf." "The log: $CLONE/.dev/log/npm.log"
    echo "$hash" >"$stamp"
}

# No install scripts: the programs are in the packages. The cache stays in the clone.
npm_ci() {
    npm --prefix "$CLONE/tools" --cache "$CLONE/.dev/npm-cache" --no-audit --no-fund --no-update-notifier \
        ci --ignore-scripts
}
