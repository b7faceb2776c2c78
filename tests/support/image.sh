# shellcheck shell=bash
# Makes OCI image layouts from tar files, with jq, sha256sum and gzip alone: images as a suite needs them, also such as
# no tool would make.
#
#   image_layout LAYOUT CONFIG TAR...   an image with these layers, the lowest first.  CONFIG is the JSON of the image
#                                       config's "config" object; its name in the layout is "latest"
#   rootfs_tar DIR > FILE               a directory as a layer: owned by root, sorted, reproducible

# flip_bit FILE: one in its middle is another, whatever it was.
flip_bit() {
  local at byte
  at=$(($(stat -c %s "$1") / 2))
  byte=$(od --address-radix=n --format=u1 --skip-bytes=$at --read-bytes=1 "$1")
  printf '%b' "\\x$(printf %x $((byte ^ 1)))" | dd of="$1" bs=1 seek=$at conv=notrunc status=none
}

# put_blob LAYOUT < BYTES: prints the digest.
put_blob() {
  local layout=$1 temporary hex
  mkdir -p "$layout/blobs/sha256"
  temporary=$(mktemp "$layout/blobs/new.XXXXXX")
  cat >"$temporary"
  hex=$(sha256sum "$temporary" | cut -d' ' -f1)
  mv "$temporary" "$layout/blobs/sha256/$hex"
  echo "sha256:$hex"
}

blob_size() { stat -c %s "$1/blobs/sha256/${2#sha256:}"; }

descriptor() { # LAYOUT DIGEST MEDIA_TYPE
  jq -n --arg d "$2" --argjson s "$(blob_size "$1" "$2")" --arg m "$3" '{mediaType: $m, digest: $d, size: $s}'
}

image_layout() {
  local layout=$1 config=$2 tar digest layers=[] diff_ids=[]
  shift 2
  mkdir -p "$layout"
  echo '{"imageLayoutVersion": "1.0.0"}' >"$layout/oci-layout"
  for tar in "$@"; do
    diff_ids=$(jq -c --arg d "sha256:$(sha256sum "$tar" | cut -d' ' -f1)" '. + [$d]' <<<"$diff_ids")
    digest=$(gzip -1 -n <"$tar" | put_blob "$layout")
    layers=$(jq -c --argjson l "$(descriptor "$layout" "$digest" application/vnd.oci.image.layer.v1.tar+gzip)" \
      '. + [$l]' <<<"$layers")
  done
  digest=$(jq -n --argjson c "$config" --argjson d "$diff_ids" --arg a "$(image_architecture)" \
    '{os: "linux", architecture: $a, config: $c, rootfs: {type: "layers", diff_ids: $d},
      history: ($d | map({created_by: "tests"}))}' | put_blob "$layout")
  digest=$(jq -n --argjson c "$(descriptor "$layout" "$digest" application/vnd.oci.image.config.v1+json)" \
    --argjson l "$layers" '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", config: $c,
      layers: $l}' | put_blob "$layout")
  descriptor "$layout" "$digest" application/vnd.oci.image.manifest.v1+json |
    jq '{schemaVersion: 2, manifests: [. + {annotations: {"org.opencontainers.image.ref.name": "latest"}}]}' \
      >"$layout/index.json"
}

# This machine's, in image-spec's words.
image_architecture() {
  case $(uname -m) in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) dpkg --print-architecture ;;
  esac
}

rootfs_tar() { tar -C "$1" --sort=name --owner=0 --group=0 --numeric-owner -cf - .; }
