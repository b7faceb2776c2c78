#include "contrib/hello-world/layout.h"

#include <openssl/evp.h>
#include <sys/stat.h>
#include <zlib.h>

#include <cstdio>
#include <cstring>

#include "contrib/hello-world/elf.h"
#include "contrib/hello-world/words.h"

namespace hello {

namespace {

constexpr const char* kIndexType = "application/vnd.oci.image.index.v1+json";
constexpr const char* kManifestType = "application/vnd.oci.image.manifest.v1+json";
constexpr const char* kConfigType = "application/vnd.oci.image.config.v1+json";
constexpr const char* kLayerType = "application/vnd.oci.image.layer.v1.tar+gzip";

Result<> write_file(const std::string& path, std::string_view bytes) {
  FILE* out = std::fopen(path.c_str(), "wbe");
  if (!out) return Error::os(str::cat("creating '", path, "'"));
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), out) == bytes.size();
  if (std::fclose(out) != 0 || !written) return Error::os(str::cat("writing '", path, "'"));
  return {};
}

Result<> make_dir(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0) return Error::os(str::cat("creating '", path, "'"));
  return {};
}

Result<std::string> sha256(std::string_view bytes) {
  unsigned char raw[32];
  if (EVP_Digest(bytes.data(), bytes.size(), raw, nullptr, EVP_sha256(), nullptr) != 1)
    return Error(Kind::unsupported, "OpenSSL has no SHA-256");
  std::string hex;
  for (const unsigned char byte : raw) {
    hex.push_back("0123456789abcdef"[byte >> 4]);
    hex.push_back("0123456789abcdef"[byte & 15]);
  }
  return hex;
}

// Without a time and a name in the header, so that the result depends on `bytes` alone.
Result<std::string> gzip(std::string_view bytes) {
  constexpr int kGzip = 16;
  z_stream z{};
  if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + kGzip, MAX_MEM_LEVEL,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    return Error(Kind::unsupported, "zlib does not start");
  std::string out(deflateBound(&z, bytes.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  if (status != Z_STREAM_END) return Error(Kind::unsupported, "zlib does not finish");
  return out;
}

// A tar archive (POSIX ustar) of one executable file that belongs to root.
std::string tar(const char* name, std::string_view content, time_t modified) {
  constexpr size_t kBlock = 512;
  std::string block(kBlock, '\0');
  const auto put = [&](size_t at, const std::string& field) { block.replace(at, field.size(), field); };
  const auto octal = [&](size_t at, size_t width, uint64_t value) {
    for (size_t i = width; i-- > 0; value /= 8) block[at + i] = static_cast<char>('0' + value % 8);
  };
  put(0, name);
  octal(100, 7, 0755);
  octal(108, 7, 0);
  octal(116, 7, 0);
  octal(124, 11, content.size());
  octal(136, 11, static_cast<uint64_t>(modified));
  put(148, "        ");  // the checksum counts itself as blanks
  put(156, "0");
  put(257, std::string("ustar\0"
                       "00",
                       8));
  uint64_t sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  octal(148, 6, sum);
  block[154] = '\0';

  const size_t padding = (kBlock - content.size() % kBlock) % kBlock;
  return str::cat(block, content, std::string(padding + 2 * kBlock, '\0'));
}

struct Blob {
  std::string digest;
  size_t size = 0;
};

Result<Blob> write_blob(const std::string& dir, std::string_view bytes) {
  const std::string hex = TRY(sha256(bytes));
  TRY(write_file(str::cat(dir, "/blobs/sha256/", hex), bytes));
  return Blob{str::cat("sha256:", hex), bytes.size()};
}

// The members of a descriptor, without the braces.
std::string descriptor(const char* type, const Blob& blob) {
  return str::cat("\"mediaType\":\"", type, "\",\"digest\":\"", blob.digest, "\",\"size\":", blob.size);
}

std::string platform(const Architecture& on) {
  std::string variant;
  if (*on.variant) variant = str::cat(",\"variant\":\"", on.variant, "\"");
  return str::cat("\"architecture\":\"", on.name, "\",\"os\":\"linux\"", variant);
}

std::string timestamp(time_t when) {
  struct tm parts {};
  ::gmtime_r(&when, &parts);
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts));
}

std::string config(const Architecture& on, const std::string& diff_id, time_t created) {
  const std::string when = timestamp(created);
  return str::cat(
      "{\"created\":\"", when, "\",", platform(on),
      ",\"config\":{\"Env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"]"
      ",\"Cmd\":[\"/hello\"],\"WorkingDir\":\"/\",\"Labels\":{"
      "\"org.opencontainers.image.title\":\"hello-world\","
      "\"org.opencontainers.image.description\":\"says hello from inside a container, and how it got there\","
      "\"org.opencontainers.image.licenses\":\"Apache-2.0\"}}"
      ",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"",
      diff_id, "\"]},\"history\":[{\"created\":\"", when, "\",\"created_by\":\"contrib/hello-world\"}]}");
}

// The image of one architecture; returns what the index says of it.
Result<std::string> write_variant(const std::string& dir, const Architecture& on, time_t created) {
  const std::string archive = tar("hello", program(on, words(on.name)), created);
  const std::string compressed = TRY(gzip(archive));
  const std::string diff_id = str::cat("sha256:", TRY(sha256(archive)));
  const Blob layer = TRY(write_blob(dir, compressed));
  const Blob about = TRY(write_blob(dir, config(on, diff_id, created)));
  const Blob manifest =
      TRY(write_blob(dir, str::cat("{\"schemaVersion\":2,\"mediaType\":\"", kManifestType, "\",\"config\":{",
                                   descriptor(kConfigType, about), "},\"layers\":[{",
                                   descriptor(kLayerType, layer), "}]}")));
  return str::cat("{", descriptor(kManifestType, manifest), ",\"platform\":{", platform(on), "}}");
}

std::string index(std::string_view manifests) {
  return str::cat("{\"schemaVersion\":2,\"mediaType\":\"", kIndexType, "\",\"manifests\":[", manifests, "]}");
}

}  // namespace

Result<> write_image(const std::string& dir, time_t created) {
  TRY(make_dir(str::cat(dir, "/blobs")));
  TRY(make_dir(str::cat(dir, "/blobs/sha256")));
  std::vector<std::string> variants;
  for (const Architecture& on : architectures()) variants.push_back(TRY(write_variant(dir, on, created)));
  const Blob all = TRY(write_blob(dir, index(str::join(variants, ","))));
  const std::string top = str::cat("{", descriptor(kIndexType, all),
                                   ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"latest\"}}");
  TRY(write_file(str::cat(dir, "/index.json"), index(top)));
  return write_file(str::cat(dir, "/oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}");
}

}  // namespace hello
