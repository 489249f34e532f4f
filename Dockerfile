# ctwa-silo and ctwa in one image: docs/kubernetes.md#images.
#
#   docker build -t REGISTRY/ctwa:0.1.0-cpu .
#   docker build -t REGISTRY/ctwa:0.1.0-cuda --build-arg TORCH=cuda --build-arg LIBTORCH_SHA256=... .
#
# Base images are named with their whole version. For builds that stay the same for good give digests instead:
#   --build-arg SDK_IMAGE=mcr.microsoft.com/dotnet/sdk@sha256:... --build-arg RUNTIME_IMAGE=mcr.microsoft.com/dotnet/aspnet@sha256:...
ARG SDK_IMAGE=mcr.microsoft.com/dotnet/sdk:10.0.401-noble
ARG RUNTIME_IMAGE=mcr.microsoft.com/dotnet/aspnet:10.0.12-noble
# cpu: libtorch from NuGet; cuda: libtorch from LIBTORCH_URL.
ARG TORCH=cpu

FROM ${SDK_IMAGE} AS build
ARG TORCH
ENV DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
WORKDIR /src
# What restoring depends on, and nothing else: a changed source does not restore again.
COPY global.json Directory.Build.props Directory.Packages.props Torch.props BannedSymbols.txt .editorconfig ./
COPY training-core/Specification/*.csproj training-core/Specification/
COPY training-core/Core/*.csproj training-core/Core/
COPY grains/Abstractions/*.csproj grains/Abstractions/
COPY grains/Implementations/*.csproj grains/Implementations/
COPY silo/*.csproj silo/
COPY client/*.csproj client/
# A CUDA image brings a libtorch of its own: its build has none.
RUN if [ "$TORCH" = cuda ]; then echo external; else echo cpu; fi > /backend \
 && dotnet restore silo -p:TorchBackend=$(cat /backend) \
 && dotnet restore client -p:TorchBackend=$(cat /backend) -p:BuildSilo=false
COPY training-core training-core
COPY grains grains
COPY silo silo
COPY client client
# One folder for both: they share most assemblies, and ctwa looks for the silo beside itself.
RUN dotnet publish silo -c Release --no-restore -p:TorchBackend=$(cat /backend) -p:DebugType=none -o /app \
 && dotnet publish client -c Release --no-restore -p:TorchBackend=$(cat /backend) -p:BuildSilo=false -p:DebugType=none -o /app \
    # Tests of libtorch itself, its Python binding, and backends of phones.
 && rm -f /app/libtorchbind_test.so /app/libjitbackend_test.so /app/libbackend_with_compiler.so /app/libaoti_custom_ops.so /app/libtorch_python.so /app/libnnapi_backend.so /app/*.pdb /app/*.xml
COPY examples /app/examples
COPY LICENSE /app/
# The same inputs give the same layer: no times of this build, no permissions of this checkout.
ARG SOURCE_DATE_EPOCH=0
RUN chmod -R u=rwX,go=rX /app && find /app -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

FROM ${SDK_IMAGE} AS libtorch
ARG TORCH
# Of PyTorch, with CUDA's own libraries in it; the driver comes from the node. Its hash is asked for: take it from a file that was checked.
ARG LIBTORCH_URL=https://download.pytorch.org/libtorch/cu128/libtorch-shared-with-deps-2.10.0%2Bcu128.zip
ARG LIBTORCH_SHA256
ARG SOURCE_DATE_EPOCH=0
RUN mkdir /libtorch \
 && if [ "$TORCH" = cuda ]; then \
      test -n "$LIBTORCH_SHA256" || { echo "give --build-arg LIBTORCH_SHA256=... of $LIBTORCH_URL" >&2; exit 1; }; \
      apt-get update && apt-get install -y --no-install-recommends curl unzip ca-certificates \
      && curl -fsSL --retry 3 -o /tmp/libtorch.zip "$LIBTORCH_URL" \
      && echo "$LIBTORCH_SHA256  /tmp/libtorch.zip" | sha256sum -c - \
      && unzip -q -j /tmp/libtorch.zip 'libtorch/lib/*.so*' -d /libtorch && rm /tmp/libtorch.zip; \
    fi \
 && find /libtorch -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

FROM ${RUNTIME_IMAGE} AS base-cpu

FROM ${RUNTIME_IMAGE} AS base-cuda
# NVIDIA_*: the container toolkit mounts the driver's libraries and nvidia-smi.
ENV CTWA_LIBTORCH=/opt/libtorch NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=libtorch /libtorch /opt/libtorch

FROM base-${TORCH}
LABEL org.opencontainers.image.title="ctwa" org.opencontainers.image.version="0.1.0" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /app /app
ENV PATH=/app:$PATH DOTNET_NOLOGO=1
# By number: Kubernetes can tell that it is not root.
USER 1654:1654
WORKDIR /tmp
STOPSIGNAL SIGTERM
EXPOSE 11111 30000 12000 8080
ENTRYPOINT ["/app/ctwa-silo"]
