# shellcheck shell=bash
# Cgroups of a suite's own: what it and its containers make is beneath one directory in each hierarchy, which looks
# like the root to the suite, and goes with it.  So suites that run at the same time may use the same names, and what
# is left behind can be counted.
#
#   private_cgroups   in a mount namespace of its own, after `scratch`; sets $CGROUPS, the name beneath the real root
#   cgroups_left      the directories beneath it, one a line
#
# On a host with cgroup v2 alone there is nothing to bind over that would still have the controllers of the root: there
# the suite stays where it is.

private_cgroups() {
  local hierarchy
  CGROUPS=${SCRATCH##*/}
  [ ! -e /sys/fs/cgroup/cgroup.controllers ] || return 0
  # The real ones stay reachable, to be removed at the end.
  mkdir "$SCRATCH/cgroups"
  mount --rbind /sys/fs/cgroup "$SCRATCH/cgroups"
  at_exit remove_private_cgroups
  for hierarchy in "$SCRATCH"/cgroups/*/; do
    hierarchy=${hierarchy%/}
    # A symbolic link (cpu -> cpu,cpuacct) leads to what is bound under its own name.
    if [ -L "$hierarchy" ] || ! mkdir "$hierarchy/$CGROUPS"; then continue; fi
    if [ -e "$hierarchy/cpuset.cpus" ]; then
      cat "$hierarchy/cpuset.cpus" >"$hierarchy/$CGROUPS/cpuset.cpus"
      cat "$hierarchy/cpuset.mems" >"$hierarchy/$CGROUPS/cpuset.mems"
    fi
    umount -l "/sys/fs/cgroup/${hierarchy##*/}"
    mount --bind "$hierarchy/$CGROUPS" "/sys/fs/cgroup/${hierarchy##*/}"
  done
}

cgroups_left() {
  if [ -d "$SCRATCH/cgroups" ]; then
    find "$SCRATCH"/cgroups/*/"$CGROUPS" -mindepth 2 -type d 2>/dev/null
  else
    find /sys/fs/cgroup -mindepth 2 -type d -path '/sys/fs/cgroup/runtime/*'
  fi
}

remove_private_cgroups() {
  find "$SCRATCH"/cgroups/*/"$CGROUPS" -depth -type d -exec rmdir {} + 2>/dev/null
}
