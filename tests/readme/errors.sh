# shellcheck shell=bash disable=SC2154 # $status, $complained and the rest come from walk
# Errors on the way, for tests/readme/run: each is one sentence with the next step, and a status that tells.

# goes_wrong NAME STATUS PATTERN LINE
goes_wrong() {
  walk "$4"
  is "$1: status" "$status" "$2"
  like "$1: what, and what next" "$complained" "$3"
  is "$1: one line" "$(grep -c . <<<"$complained")" 1
  is "$1: no result" "$said" ""
}

goes_wrong "unknown image" 125 \
  "^error: image 'hello-worlds': repository 'library/hello-worlds' of 'docker.io' does not exist or needs a login .*: check the name, " \
  "imagetool run --name hello hello-worlds"
goes_wrong "unknown tag" 1 "^error: .*image 'hello-world:nope' does not exist on 'docker.io': check the name and the tag$" \
  "imagetool pull hello-world:nope"
goes_wrong "no such platform" 125 "^error: image 'hello-world': there is no image for plan9/mips; there is linux/amd64, .*linux/s390x: choose one with --platform$" \
  "imagetool run --quiet --platform plan9/mips hello-world"
goes_wrong "a name that is none" 1 "repository names are lower case: did you mean 'library/hello-world'" "imagetool pull Hello-World"
goes_wrong "no such container" 1 "^error: container 'nobody' does not exist; .runtime list. shows those that do$" "runtime state nobody"
nothing_is_left "after what could not begin"

walk "imagetool run --quiet --name hello hello-world"
goes_wrong "name taken" 125 "^error: the name 'hello' is in use by .*: remove that container with 'runtime delete hello', or " \
  "imagetool run --name hello hello-world"
goes_wrong "image in use by a container" 1 "^error: image 'hello-world' is in use by container 'hello' .*runtime delete hello" \
  "imagetool rm hello-world"
walk "imagetool bundle hello-world hello"
goes_wrong "bundle there already" 1 "^error: 'hello' exists and is not empty: choose another name, or remove it" \
  "imagetool bundle hello-world hello"
goes_wrong "name taken, by hand" 1 "^error: running 'hello': container 'hello' already exists; delete it first with .runtime delete hello" \
  "runtime run --bundle hello hello"
walk "runtime delete hello"
goes_wrong "image in use by a bundle" 1 "^error: image 'hello-world' is in use by bundle '$SCRATCH/cwd/hello' .*imagetool unbundle" \
  "imagetool rm hello-world"
walk "runtime delete nobody hello2 hello2"
is "one bad name does not hide the next" "$status $(grep -c "does not exist" <<<"$complained")" "1 3"
walk "imagetool unbundle hello"
goes_wrong "no such bundle" 1 "^error: bundle 'hello' does not exist" "imagetool unbundle hello"
goes_wrong "command not found in the image" 127 '"/nope": .*no such file or directory' "imagetool run hello-world /nope"
goes_wrong "command not in the image's PATH" 127 '"nope": executable file not found in' "imagetool run hello-world nope"
nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
goes_wrong "not enough rights: the store" 1 "root|--store" \
  "$nobody imagetool --store /var/lib/imagetool images"
goes_wrong "not enough rights: the state" 1 "root|--root" \
  "$nobody runtime --root /run/runtime list"

# A cgroup that was there already, and another beneath the same parent: neither is ours to remove.
if [ -d /sys/fs/cgroup/pids ]; then
  mkdir -p /sys/fs/cgroup/pids/runtime/{hello,other}
  walk "imagetool run --quiet --name hello hello-world && runtime delete hello"
  is "cgroups that were there before stay" "$status $(cgroups_left | sort)" \
    "0 $(printf '/sys/fs/cgroup/pids/runtime/%s\n' hello other)"
  rmdir /sys/fs/cgroup/pids/runtime/{hello,other}
fi

# Options of the walk that the README names.
walk "imagetool run --rm --quiet hello-world"
shows "--rm: says hello" '^Hello!'
is "--rm: no container" "$(runtime list --quiet)" ""
walk "imagetool run --detach --quiet --name quick hello-world"
is "--detach: the name is the result" "$status $(grep -c '^quick$' <<<"$said")" "0 1"
has_stopped() { [ "$(runtime state "$1" | jq -r .status)" = stopped ]; }
eventually has_stopped quick
is "--detach: the exit code is kept" "$(runtime list --format json | jq -c '.[] | [.id, .status, .exitCode]')" '["quick","stopped",0]'
is "list --running: stopped ones are not there" "$(runtime list --running --quiet)" ""
is "list -q: ids alone" "$(runtime list -q)" quick
walk "imagetool run --quiet --name again hello-world"
walk "runtime delete nobody quick again"
is "delete: one bad name does not stop the rest" "$status $(runtime list -q)" "1 "
walk "imagetool images --json"
is "images --json" "$(jq -r '.[].names[]' <<<"$said")" docker.io/library/hello-world:latest
walk "imagetool rm hello-world"
nothing_is_left "after the errors"

network_goes
goes_wrong "no network: run" 125 "^error: image 'hello-world': cannot reach 'registry-1.docker.io': .*check the network" \
  "imagetool run --quiet hello-world"
goes_wrong "no network" 69 "^error: image 'hello-world': cannot reach 'registry-1.docker.io': .*check the network" \
  "imagetool pull --quiet hello-world"
nothing_is_left "after a walk without a network"

# ---- make hello ------------------------------------------------------------------------------------

# What it installs and builds is there already: no network here, and others build in this directory.
make_hello() {
  said=$(cd "$TOP" && MAKE=true BIN=$BIN IMAGE=$image BUNDLE=$SCRATCH/hello timeout 120 contrib/hello 2>&1 </dev/null)
  status=$?
}
for time in first second; do
  make_hello
  is "make hello, the $time time" "$status" 0 || shows "make hello, the $time time" '^$'
  shows "make hello, the $time time: what it does without a network" '^Docker Hub cannot be reached from here'
  shows "make hello, the $time time: the message" '^Hello!'
  for command in "pull oci:$image:latest --name hello-world" "bundle hello-world $SCRATCH/hello" \
    "run --keep --bundle $SCRATCH/hello hello" list; do
    shows "make hello, the $time time: shows '${command%% *}'" "^\\$ $BIN/(runtime|imagetool) $command$"
  done
  is "make hello, the $time time: one container" "$(runtime list --quiet)" hello
done
shows "make hello, the second time: it clears what the first left" "^\\$ $BIN/runtime delete --force hello$"
ok "make hello: the container goes" runtime delete hello
ok "make hello: the bundle goes" imagetool unbundle "$SCRATCH/hello"
ok "make hello: the image goes" imagetool rm hello-world
nothing_is_left "after make hello"
