// The options that shape a container: one table for `bundle` and `run`, docker run's names and meanings.
#pragma once

#include "imagetool/bundle/options.h"
#include "spec/base/cli.h"

inline constexpr cli::Row<BundleOptions> kBundleOptions[] = {
    cli::option<&BundleOptions::entrypoint>(
        0, "entrypoint", "PROGRAM",
        "run PROGRAM instead of the image's entrypoint, without its default arguments"),
    cli::option<&BundleOptions::env>('e', "env", "NAME=VALUE",
                                     "set a variable; NAME alone takes the value from here"),
    cli::option<&BundleOptions::user>('u', "user", "USER[:GROUP]",
                                      "run as this user: a name of the image, or a number"),
    cli::option<&BundleOptions::workdir>('w', "workdir", "DIR", "directory to start in"),
    cli::option<&BundleOptions::hostname>(0, "hostname", "NAME", "host name (the container's name)"),
    cli::flag<&BundleOptions::tty>('t', "tty", "give the container a terminal of its own"),
    cli::option<&BundleOptions::volumes>(
        'v', "volume", "SRC:DST[:ro]",
        "show a file or directory of the host at DST; DST alone: a volume of its own", cli::Complete::file),
    cli::option<&BundleOptions::mounts>(
        0, "mount", "type=…,src=…,dst=…",
        "the same in full: type bind, tmpfs or volume; readonly, bind-propagation, "
        "tmpfs-size, tmpfs-mode"),
    cli::option<&BundleOptions::tmpfs>(0, "tmpfs", "DST[:OPTIONS]", "an empty directory in memory"),
    cli::flag<&BundleOptions::read_only>(0, "read-only",
                                         "let the container change nothing in its root file system"),
    cli::choice<&BundleOptions::network, kNetworks>(0, "net", "none|host",
                                                    "none: only loopback; host: the host's network (bridges "
                                                    "and published ports are a container engine's job)"),
    cli::option<&BundleOptions::memory>('m', "memory", "SIZE", "most memory it may use: 512m, 2g"),
    cli::option<&BundleOptions::memory_swap>(0, "memory-swap", "SIZE",
                                             "memory and swap together; -1 for no limit"),
    cli::option<&BundleOptions::cpus>(0, "cpus", "N", "most processors it may keep busy: 2, 0.5"),
    cli::option<&BundleOptions::cpuset_cpus>(0, "cpuset-cpus", "LIST", "the processors it may use: 0-3,8"),
    cli::option<&BundleOptions::cpu_shares>(0, "cpu-shares", "N", "weight against other containers (1024)"),
    cli::option<&BundleOptions::pids_limit>(0, "pids-limit", "N",
                                            "most processes it may have; -1 for no limit"),
    cli::option<&BundleOptions::ulimits>(0, "ulimit", "NAME=SOFT[:HARD]",
                                         "a limit of setrlimit(2): nofile=1024:4096"),
    cli::option<&BundleOptions::shm_size>(0, "shm-size", "SIZE", "size of /dev/shm (64m)"),
    cli::option<&BundleOptions::cap_add>(0, "cap-add", "CAP",
                                         "give a capability besides the default ones; ALL for all"),
    cli::option<&BundleOptions::cap_drop>(0, "cap-drop", "CAP", "take a capability away; ALL for all"),
    cli::flag<&BundleOptions::no_new_privileges>(
        0, "no-new-privileges", "let set-user-id programs and file capabilities give nothing"),
    cli::option<&BundleOptions::security>(0, "security-opt", "OPTION",
                                          "seccomp=unconfined, seccomp=FILE or no-new-privileges"),
    cli::option<&BundleOptions::devices>(0, "device", "PATH[:PATH[:rwm]]", "a device of the host",
                                         cli::Complete::file),
    cli::option<&BundleOptions::annotations>(0, "annotation", "NAME=VALUE", "an annotation in config.json"),
    cli::option<&BundleOptions::labels>('l', "label", "NAME=VALUE", "a label, as if the image had it"),
    cli::flag<&BundleOptions::trust_labels>(0, "trust-labels",
                                            "take labels of the image that command runtimes and engines"),
    cli::choice<&BundleOptions::rootfs, kRootfsKinds>(
        0, "rootfs", "overlay|copy",
        "overlay: share the image's layers; copy: a tree of its own, for any runtime"),
};
