# shellcheck shell=bash disable=SC2034
# Ordinary users that exist in the suite's mount namespace only, with or without subordinate ids.
#
#   make_users NAME:UID:START:COUNT...   after `scratch`, in a mount namespace of one's own.  COUNT 0: no range.  Each has
#                                        a home, a runtime directory and a TMPDIR below $SCRATCH/NAME
#   as_user NAME UID COMMAND...          runs it as that user, with his environment
#   user_words NAME UID                  the words that do so, to stand before a command

make_users() {
  local user name uid start count file
  mkdir -p "$SCRATCH/users"
  cp /etc/passwd /etc/group "$SCRATCH/users/"
  : >"$SCRATCH/users/subuid"
  for user in "$@"; do
    IFS=: read -r name uid start count <<<"$user"
    mkdir -p "$SCRATCH/$name"/{home,run,tmp}
    echo "$name:x:$uid:$uid::$SCRATCH/$name/home:/bin/sh" >>"$SCRATCH/users/passwd"
    echo "$name:x:$uid:" >>"$SCRATCH/users/group"
    [ "$count" -eq 0 ] || echo "$name:$start:$count" >>"$SCRATCH/users/subuid"
    chown -R "$uid:$uid" "$SCRATCH/$name"
  done
  cp "$SCRATCH/users/subuid" "$SCRATCH/users/subgid"
  for file in passwd group subuid subgid; do
    touch "/etc/$file" && mount --bind "$SCRATCH/users/$file" "/etc/$file" || return
  done
  chmod 755 "$SCRATCH"
}

user_words() {
  echo "setpriv --reuid $2 --regid $2 --clear-groups env HOME=$SCRATCH/$1/home USER=$1" \
    "XDG_RUNTIME_DIR=$SCRATCH/$1/run TMPDIR=$SCRATCH/$1/tmp"
}

as_user() {
  local words
  read -ra words <<<"$(user_words "$1" "$2")"
  shift 2
  "${words[@]}" "$@"
}
