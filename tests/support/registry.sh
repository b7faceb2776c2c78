# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is for the suites
# What suites that pull from registries have in common; behind tap.sh and scratch:
#
#   registry_environment      nothing of the user's: no credentials, no certificates, no proxy
#   start_hub OPTIONS...      tests/support/hub with $image; sets $registry (host:port) and $log
#   start_proxy OPTIONS...    tests/support/proxy; sets $proxy (host:port) and $proxy_log
#   fresh                     a store of its own in $store, so that nothing is there already
#   logged ROLE FIELD VALUE   how many requests of a role have a field of that value
hub=$TOP/tests/support/hub
imagetool=$BIN/imagetool
image=$(dirname "$BIN")/share/hello-world

registry_environment() {
  export HOME=$SCRATCH/home XDG_RUNTIME_DIR=$SCRATCH/run
  mkdir "$HOME" "$XDG_RUNTIME_DIR"
  unset XDG_CONFIG_HOME XDG_DATA_HOME DOCKER_CONFIG REGISTRY_AUTH_FILE SSL_CERT_FILE SSL_CERT_DIR
  unset http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY
}

stores=0
fresh() {
  stores=$((stores + 1))
  store=$SCRATCH/${worker-}store$stores
}

stop() {
  kill "$1" 2>/dev/null
  wait "$1" 2>/dev/null
}

hubs=0
start_hub() {
  hubs=$((hubs + 1))
  local ready=$SCRATCH/${worker-}ready$hubs
  log=$SCRATCH/${worker-}log$hubs
  "$hub" --layout "$image" --listen "${listen:-127.0.0.1:0}" --log "$log" --ready "$ready" "$@" >/dev/null &
  at_exit stop $!
  eventually test -e "$ready"
  registry=$(sed 's/.*registry=\([^ ]*\).*/\1/' "$ready")
}

start_proxy() {
  hubs=$((hubs + 1))
  local ready=$SCRATCH/${worker-}ready$hubs
  proxy_log=$SCRATCH/${worker-}log$hubs
  "$TOP/tests/support/proxy" --log "$proxy_log" --ready "$ready" "$@" &
  at_exit stop $!
  eventually test -e "$ready"
  proxy=$(cat "$ready")
}

logged() {
  jq -r --arg role "$1" --arg field "$2" --arg value "$3" \
    'select(.role == $role and (.[$field] | tostring) == $value) | .path' "$log" | wc -l
}
