# shellcheck shell=bash
# Cgroups of a suite's own: what it and its containers make is beneath one directory in each hierarchy, which looks
# like the root to the suite, and goes with it.  So suites that run at the same time may use the same names, and what
# is left behind can be counted.
#
#   private_cgroups   in a mount namespace of its own, after `scratch`
#   cgroups_left      the directories that somebody made, one a line; the parent that containers share is none of them
#
# On a host with cgroup v2 alone there is nothing to bind over that would still have the controllers of the root: there
# the suite stays where it is.

private_cgroups() {
  local point type options name=${SCRATCH##*/}
  [ ! -e /sys/fs/cgroup/cgroup.controllers ] || return 0
  while read -r point type options; do
    mkdir "$point/$name" || continue
    at_exit remove_private_cgroup "$type" "$options" "$name"
    if [ -e "$point/cpuset.cpus" ]; then
      cat "$point/cpuset.cpus" >"$point/$name/cpuset.cpus"
      cat "$point/cpuset.mems" >"$point/$name/cpuset.mems"
    fi
    # The whole of it is not to be seen any more: a runtime would find two mounts of one hierarchy.
    mount --bind "$point/$name" "$SCRATCH" && umount -l "$point" && mount --move "$SCRATCH" "$point"
  done < <(awk '$5 ~ "^/sys/fs/cgroup/" && / - cgroup2? / { print $5, $(NF - 2), $NF }' /proc/self/mountinfo)
}

cgroups_left() {
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    find /sys/fs/cgroup -mindepth 1 -type d -path '/sys/fs/cgroup/runtime[-/]*'
  else
    find /sys/fs/cgroup -mindepth 2 -type d -not -path '/sys/fs/cgroup/*/runtime'
  fi
}

# The hierarchy is mounted once more: a directory cannot be removed through a mount of itself.
remove_private_cgroup() { # TYPE OPTIONS NAME
  local dir=$SCRATCH/hierarchy
  mkdir -p "$dir" && mount -t "$1" -o "${2#rw,}" cgroup "$dir" || return
  find "$dir/$3" -depth -type d -exec rmdir {} + 2>/dev/null
  umount "$dir"
}
