# shellcheck shell=bash disable=SC2154 # $engine, $status, $said
# What podman and docker are both asked, for tests/engines/run.  `box` is the engine's command line program, with its
# options; it has busybox and hello-world.

walk_images_and_ends() {
  run box run --rm --network none hello-world
  is "$engine: hello-world: status" "$status" 0
  like "$engine: hello-world: its message" "$said" '^Hello!'
  ends "exit code 0" 0 box run --rm --network none busybox true
  ends "exit code 7" 7 box run --rm --network none busybox sh -c 'exit 7'
  ends "no limit of processes" 0 box run --rm --network none --pids-limit -1 busybox sh -c 'true & wait'
  ends "command not in PATH: 127" 127 box run --rm --network none busybox nope
  like "$engine: command not in PATH: says so" "$said" '"nope": executable file not found in'
  ends "command not there: 127" 127 box run --rm --network none busybox /bin/nope
  like "$engine: command not there: says so" "$said" '"/bin/nope".*no such file or directory'
  ends "a directory as command: 126" 126 box run --rm --network none busybox /etc
  ends "a file without the right to execute: 126" 126 box run --rm --network none busybox /etc/passwd
  like "$engine: a file without the right to execute: says so" "$said" 'permission denied'
  run box create --network none --name broken busybox /bin/nope
  run box start broken
  is "$engine: what could not start is no running container" "$(box inspect --format '{{.State.Running}}' broken)" false
  ends "what could not start is removed" 0 box rm broken
}

walk_long_running() { # STATUS of exec in what has stopped, of rm of what runs, of exec of what is not there
  ends "run --detach" 0 box run --detach --network none --name web --hostname webhost --env COLOUR=blue busybox \
    sh -c 'echo started; trap "echo stopping; exit 3" TERM; while :; do sleep 0.1; done'
  gives "it runs" 0 true box inspect --format '{{.State.Running}}' web
  gives "ps shows it" 0 web box ps --format '{{.Names}}'
  gives "exec: a command" 0 webhost box exec web hostname
  gives "exec: the container's environment" 0 blue box exec web sh -c 'echo $COLOUR'
  gives "exec: more of it" 0 "green /tmp 1000" box exec --env MORE=green --workdir /tmp --user user web \
    sh -c 'echo $MORE $PWD $(id -u)'
  ends "exec: exit code" 5 box exec web sh -c 'exit 5'
  ends "exec: killed" 137 box exec web sh -c 'kill -KILL $$'
  run box exec web nope
  like "$engine: exec: command not found" "$status $said" "^$3 .*\"nope\": executable file not found in"
  run box exec --workdir /no/such web pwd
  like "$engine: exec: where there is no such directory" "$status $said" '^12[67] .*/no/such.*no such file or directory'
  ends "exec: no right to execute" 126 box exec web /etc/passwd
  is "$engine: exec: standard input" "$(echo through | timeout 60 box exec -i web cat)" through
  at_terminal 'test -t 0 && echo termin""al; exit 6\n' box exec -it web sh
  is "$engine: exec -it: exit code" "$status" 6
  like "$engine: exec -it: a terminal" "$said" '^terminal$'
  ends "exec --detach" 0 box exec --detach web sh -c 'echo ready >/tmp/detached'
  ok "$engine: exec --detach: it is done" eventually box exec web grep ready /tmp/detached
  ends "stop" 0 box stop --time 10 web
  gives "stop: its own exit code" 0 "3 false" box inspect --format '{{.State.ExitCode}} {{.State.Running}}' web
  gives "logs" 0 $'started\nstopping' box logs web
  ends "exec in what has stopped" "$1" box exec web true
  ends "start again" 0 box start web
  gives "it runs again" 0 true box inspect --format '{{.State.Running}}' web
  ends "kill" 0 box kill --signal KILL web
  gives "wait" 0 137 box wait web
  ends "restart" 0 box restart --time 5 web
  ends "rm of what runs is refused" "$2" box rm web
  ends "rm --force" 0 box rm --force web
  gives "it is gone" 0 "" box ps --all --quiet
  ends "run --detach of what ignores SIGTERM" 0 box run --detach --network none --name deaf busybox sleep 600
  ends "stop: SIGKILL when the time is over" 0 box stop --time 1 deaf
  gives "stop: exit code 137" 0 137 box inspect --format '{{.State.ExitCode}}' deaf
  ends "rm" 0 box rm deaf
}

walk_streams() {
  is "$engine: standard input" "$(echo through | timeout 60 box run --rm -i --network none busybox cat)" through
  is "$engine: standard error is apart" "$(box run --rm --network none busybox sh -c 'echo out; echo err >&2' 2>/dev/null)" out
  at_terminal 'test -t 0 && echo termin""al; exit 9\n' box run --rm -it --network none busybox sh
  is "$engine: run -it: exit code" "$status" 9
  like "$engine: run -it: a terminal" "$said" '^terminal$'
  run box run --rm --tty --network none busybox sh -c 'test -t 1 && tty'
  like "$engine: run --tty: without a terminal here" "$said" '^/dev/(pts/0|console)'
}

# A file of a controller, as the container sees it on cgroup v1, or on v2.
limit() { # CONTROLLER V1_FILE V2_FILE
  echo "cat /sys/fs/cgroup/$1/$2 2>/dev/null || cat /sys/fs/cgroup/$3"
}

walk_limits() {
  gives "memory limit" 0 67108864 box run --rm --network none --memory 64m busybox \
    sh -c "$(limit memory memory.limit_in_bytes memory.max)"
  gives "pids limit" 0 20 box run --rm --network none --pids-limit 20 busybox sh -c "$(limit pids pids.max pids.max)"
  run box run --rm --network none --cpus 0.5 busybox sh -c "$(limit cpu cpu.cfs_quota_us cpu.max)"
  like "$engine: half a processor" "$said" '^50000( 100000)?$'
  run box run --rm --network none --pids-limit 5 busybox sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; wait'
  like "$engine: the pids limit bites" "$said" "can't fork"
  ends "out of memory" 0 box run --network none --name hungry --memory 16m busybox \
    sh -c 'tail -c 64m /dev/zero >/dev/null; test $? = 137'
  ends "rm of it" 0 box rm hungry
}

walk_options() {
  mkdir -p "$SCRATCH/volume"
  echo outside >"$SCRATCH/volume/file"
  gives "a volume" 0 outside box run --rm --network none --volume "$SCRATCH/volume:/data:ro" busybox cat /data/file
  ends "a volume that is read-only" 1 box run --rm --network none --volume "$SCRATCH/volume:/data:ro" busybox touch /data/new
  ends "a root that is read-only" 1 box run --rm --network none --read-only busybox touch /new
  ends "and a directory in memory" 0 box run --rm --network none --read-only --tmpfs /scratch busybox touch /scratch/new
  gives "a user" 0 "1000 1000" box run --rm --network none --user user busybox sh -c 'echo $(id -u) $(id -g)'
  gives "no capabilities" 0 0000000000000000 box run --rm --network none --cap-drop ALL busybox \
    sh -c 'awk "/CapEff/ { print \$2 }" /proc/self/status'
  gives "seccomp is on" 0 2 box run --rm --network none busybox awk '/^Seccomp:/ { print $2 }' /proc/self/status
  ends "mounting is not allowed" 1 box run --rm --network none busybox mount -t tmpfs none /tmp
  ends "privileged: it is" 0 box run --rm --network none --privileged busybox mount -t tmpfs none /tmp
  # podman raises the limit of processes when it is asked for another, which not every root may do.
  gives "ulimit" 0 123 box run --rm --network none --ulimit nofile=123:456 --ulimit nproc=99:99 busybox sh -c 'ulimit -n'
  gives "sysctl" 0 1000 box run --rm --network none --sysctl kernel.msgmax=1000 busybox cat /proc/sys/kernel/msgmax
  gives "a device" 0 1:3 box run --rm --network none --device /dev/null:/dev/nothing busybox \
    stat -c '%t:%T' /dev/nothing
  gives "the host's process namespace" 0 "$(readlink /proc/self/ns/pid)" box run --rm --network none --pid host busybox \
    readlink /proc/self/ns/pid
  ends "the other's namespaces: one to share" 0 box run --detach --network none --name base busybox sleep 600
  gives "the other's namespaces" 0 "$(readlink "/proc/$(box inspect --format '{{.State.Pid}}' base)/ns/net")" \
    box run --rm --network container:base --pid container:base busybox readlink /proc/self/ns/net
  ends "the other's namespaces: gone" 0 box rm --force base
}

walk_sharing() {
  gives "the host's other namespaces" 0 "$(readlink /proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/uts)" \
    box run --rm --network host --ipc host --uts host busybox \
    sh -c 'for n in net ipc uts; do readlink /proc/self/ns/$n; done'
  gives "more groups" 0 "0 10 20" box run --rm --network none --group-add 10 --group-add 20 busybox id -G
  gives "the OOM score" 0 500 box run --rm --network none --oom-score-adj 500 busybox cat /proc/self/oom_score_adj
  gives "processors" 0 0 box run --rm --network none --cpuset-cpus 0 busybox \
    awk '/^Cpus_allowed_list/ { print $2 }' /proc/self/status
  gives "a size of /dev/shm" 0 1024 box run --rm --network none --shm-size 1m busybox \
    sh -c 'df -k /dev/shm | awk "END { print \$2 }"'
  gives "a directory in memory with options" 0 "1777 64" box run --rm --network none \
    --mount type=tmpfs,destination=/mem,tmpfs-size=65536,tmpfs-mode=1777 busybox \
    sh -c 'echo $(stat -c %a /mem) $(df -k /mem | awk "END { print \$2 }")'
  ends "a named volume" 0 box run --rm --network none --volume keep:/home busybox touch /home/new
  gives "a named volume has what the image has, and what was written" 0 $'new\nuser' \
    box run --rm --network none --volume keep:/home busybox ls /home
  ends "a volume goes" 0 box volume rm keep
  mkdir -p "$SCRATCH/shared"
  mount --bind "$SCRATCH/shared" "$SCRATCH/shared" && mount --make-shared "$SCRATCH/shared"
  ends "mount propagation" 0 box run --rm --network none --volume "$SCRATCH/shared:/data:rslave" busybox \
    grep -q ' /data .*master:' /proc/self/mountinfo
  umount "$SCRATCH/shared"
  ends "read-only paths" 1 box run --rm --network none busybox sh -c 'echo 1 >/proc/sys/kernel/panic'
  gives "masked paths" 0 "0 0" box run --rm --network none busybox \
    sh -c 'echo $(ls -A /proc/scsi /sys/firmware 2>/dev/null | grep -vc :) $(cat /proc/keys 2>/dev/null | wc -c)'
  gives "no new privileges" 0 1 box run --rm --network none --security-opt no-new-privileges busybox \
    awk '/^NoNewPrivs/ { print $2 }' /proc/self/status
  gives "no seccomp" 0 0 box run --rm --network none --security-opt seccomp=unconfined busybox \
    awk '/^Seccomp:/ { print $2 }' /proc/self/status
}

walk_build() {
  mkdir -p "$SCRATCH/build"
  printf 'FROM busybox\nRUN echo built >/made && chown 1000:1000 /made\nUSER user\nCMD ["cat", "/made"]\n' \
    >"$SCRATCH/build/Dockerfile"
  ends "build" 0 env DOCKER_BUILDKIT=0 box build --network none --tag built "$SCRATCH/build"
  gives "what was built" 0 built box run --rm --network none built
}

walk_later_commands() {
  if has_command pause && has_command resume; then
    ends "one to pause" 0 box run --detach --network none --name sleepy busybox sleep 600
    ends "pause" 0 box pause sleepy
    gives "it is paused" 0 paused box inspect --format '{{.State.Status}}' sleepy
    ends "unpause" 0 box unpause sleepy
    gives "it runs again after the pause" 0 running box inspect --format '{{.State.Status}}' sleepy
    ends "it goes" 0 box rm --force sleepy
  else
    skip "$engine: pause" "the runtime has no pause and resume"
  fi
}
