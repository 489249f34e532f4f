#!/usr/bin/env bash
# Builds the CPU image without Docker, without a registry and without a daemon, and tries it: the quick-start inside the container, as
# the image's user, who may write to /tmp alone; prints size, cold start and result. As root, with buildah and debootstrap (Debian:
# apt-get install --no-install-recommends buildah debootstrap). About 10 minutes and 8 GB the first time; parts are kept in WORK.
#
# usage: deploy/image/build-and-run.sh [base|build|try|all]     default: all
#   WORK=FOLDER    where everything lies; default /var/tmp/ctwa-image
#   SUITE=trixie   Debian release that stands in for the Ubuntu of Microsoft's images; MIRROR=URL
#   OUTPUT=FILE    also writes the image as an OCI archive
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
what=${1:-all}
work=${WORK:-/var/tmp/ctwa-image}
suite=${SUITE:-trixie}
mirror=${MIRROR:-http://deb.debian.org/debian}
dotnet=${DOTNET_ROOT:-$(dirname "$(readlink -f "$(command -v dotnet)")")}
base=localhost/ctwa-base:$suite
image=localhost/ctwa:dev

for program in buildah debootstrap dotnet; do command -v "$program" >/dev/null || { echo "error: $program is not installed" >&2; exit 2; }; done
[ "$(id -u)" = 0 ] || { echo "error: debootstrap and chroot isolation need root" >&2; exit 2; }
mkdir -p "$work"
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
printf '{"default":[{"type":"insecureAcceptAnything"}]}' >"$work/policy.json"
b() { local verb=$1; shift; buildah --root "$work/store" --runroot "$work/run" "$verb" "$@"; }
seconds() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(seconds)" 'BEGIN { printf "%.1f", b - a }'; }

# A base image with .NET's SDK: it stands in for both images that the Dockerfile names.
make_base() {
  if b inspect --type image "$base" >/dev/null 2>&1; then echo "base image: $base is there"; return; fi
  local start; start=$(seconds)
  if [ ! -f "$work/rootfs/.complete" ]; then
    rm -rf "$work/rootfs"
    debootstrap --variant=minbase --include=libicu76,ca-certificates,libstdc++6 "$suite" "$work/rootfs" "$mirror" >"$work/debootstrap.log"
    rm -rf "$work/rootfs/var/cache/apt/archives" "$work/rootfs/var/lib/apt/lists" "$work/rootfs/usr/share/doc" "$work/rootfs/usr/share/man" "$work/rootfs/usr/share/locale"
    mkdir -p "$work/rootfs/usr/share/dotnet"
    cp -a "$dotnet/." "$work/rootfs/usr/share/dotnet/"
    ln -sf /usr/share/dotnet/dotnet "$work/rootfs/usr/bin/dotnet"
    touch "$work/rootfs/.complete"
  fi
  # Whom this machine trusts, the image that is built trusts: behind a proxy that opens TLS, NuGet could not be reached otherwise.
  cp -L /etc/ssl/certs/ca-certificates.crt "$work/rootfs/etc/ssl/certs/ca-certificates.crt"
  local container; container=$(b from --signature-policy "$work/policy.json" scratch)
  b copy -q "$container" "$work/rootfs" / >/dev/null
  b config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  b commit -q --signature-policy "$work/policy.json" --rm "$container" "$base" >/dev/null
  # Its runtime part alone, for the image that is run.
  rm -rf "$work/rootfs-runtime"; cp -al "$work/rootfs" "$work/rootfs-runtime"
  rm -rf "$work/rootfs-runtime/usr/share/dotnet/"{sdk,packs,templates,sdk-manifests}
  container=$(b from --signature-policy "$work/policy.json" scratch)
  b copy -q "$container" "$work/rootfs-runtime" / >/dev/null
  b config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  b commit -q --signature-policy "$work/policy.json" --rm "$container" "$base-runtime" >/dev/null
  echo "base image: $(since "$start") s (debootstrap $suite, .NET of this machine)"
}

build_image() {
  local start; start=$(seconds)
  # This machine's NuGet cache stands in for the network's.
  b bud --signature-policy "$work/policy.json" --isolation chroot --pull-never --layers \
    --build-arg SDK_IMAGE="$base" --build-arg RUNTIME_IMAGE="$base-runtime" --build-arg TORCH=cpu \
    --build-arg SOURCE_DATE_EPOCH="$(git -C "$here" log -1 --format=%ct)" --timestamp "$(git -C "$here" log -1 --format=%ct)" \
    --volume "${NUGET_PACKAGES:-$HOME/.nuget/packages}:/root/.nuget/packages:rw" \
    -t "$image" -f "$here/Dockerfile" "$here" >"$work/build.log" 2>&1 || { tail -n 40 "$work/build.log" >&2; exit 1; }
  echo "image: built in $(since "$start") s"
}

try_image() {
  local container root app whole start
  container=$(b from --signature-policy "$work/policy.json" --pull-never "$image")
  trap "b rm '$container' >/dev/null" EXIT
  root=$(b mount "$container")
  app=$(du -sm "$root/app" | cut -f1) whole=$(du -smx "$root" | cut -f1)
  echo "image: $whole MB on disk, $app MB of it in /app ($(du -sm "$root/app/libtorch_cpu.so" | cut -f1) MB libtorch_cpu.so)"
  echo "user: $(b inspect --type image --format '{{.OCIv1.Config.User}}' "$image"), entry point: $(b inspect --type image --format '{{.OCIv1.Config.Entrypoint}}' "$image")"
  in_image() { b run --isolation chroot --user 1654:1654 --volume "$work/tmp:/tmp:rw" --env HOME=/tmp --env DOTNET_gcServer=0 "$container" -- "$@"; }
  rm -rf "$work/tmp"; mkdir -p "$work/tmp"; chown 1654:1654 "$work/tmp"
  start=$(seconds); in_image ctwa --version >/dev/null; echo "ctwa --version: $(since "$start") s"

  # Cold start: from nothing to a silo that serves.
  start=$(seconds)
  in_image /app/ctwa-silo --cluster-id image --health-port 0 --device cpu --data /tmp/data >"$work/silo.log" 2>&1 &
  local silo=$!
  until grep -q '^ctwa-silo ports' "$work/silo.log"; do kill -0 "$silo" 2>/dev/null || { cat "$work/silo.log" >&2; exit 1; }; sleep 0.05; done
  echo "cold start: $(since "$start") s until the silo serves"
  local health; health=$(sed -n 's/.*health=\([0-9]*\).*/\1/p' "$work/silo.log")
  for path in healthz readyz; do
    exec 3<>"/dev/tcp/127.0.0.1/$health"
    printf 'GET /%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' "$path" >&3
    echo "/$path: $(head -n 1 <&3 | tr -d '\r')"
    exec 3<&-
  done
  local inner; inner=$(pgrep -u 1654 -x ctwa-silo | head -n 1)
  kill -TERM "$inner"; wait "$silo"; echo "SIGTERM: exit code $?"

  start=$(seconds)
  in_image ctwa train /app/examples/quickstart.yaml --set warm_start.steps=40 --set schedule.steps=3 --device cpu --output /tmp/run | tail -n 12
  echo "quick-start (shortened): $(since "$start") s, sha256 $(sha256sum "$work/tmp/run/checkpoints/step-000003/model.safetensors" | cut -d' ' -f1)"
  # Nothing but /tmp was written.
  if [ -n "$(find "$root/app" -newer "$work/silo.log" -print -quit)" ]; then echo "error: something was written to /app" >&2; exit 1; fi
  if [ -n "${OUTPUT:-}" ]; then
    rm -f "$OUTPUT"
    b push -q --signature-policy "$work/policy.json" "$image" "oci-archive:$OUTPUT"
    echo "archive: $(du -m "$OUTPUT" | cut -f1) MB compressed ($OUTPUT)"
  fi
}

case $what in
  base) make_base ;;
  build) make_base; build_image ;;
  try) try_image ;;
  all) make_base; build_image; try_image ;;
  *) echo "error: '$what'; accepted are base, build, try and all" >&2; exit 2 ;;
esac
