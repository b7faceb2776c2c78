// tests/support/hub as a child process of a test: started with options, asked for its log, told its faults.
#pragma once

#include <criterion/criterion.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "imagetool/layers/sink.h"
#include "spec/json.h"

class HubProcess {
 public:
  // Serves `blob_sizes`' blobs as layers of an image in its own repository "library/hello-world:latest".
  explicit HubProcess(const std::vector<std::string>& options = {},
                      const std::vector<size_t>& layer_sizes = {100});
  ~HubProcess();
  HubProcess(const HubProcess&) = delete;

  [[nodiscard]] const std::string& place(const std::string& role) const;  // "127.0.0.1:40001"
  void fault(const std::string& rule) const;                              // JSON, see tests/support/hub
  // The log's lines of that role: "GET /path none 200", with the range behind it where there was one.
  [[nodiscard]] std::vector<std::string> log(const std::string& role) const;
  // How many of them hold `text`.
  [[nodiscard]] size_t count(const std::string& role, const std::string& text) const;
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] const std::string& manifest_digest() const { return manifest_; }
  struct Layer {
    std::string digest, bytes;
  };
  [[nodiscard]] const std::vector<Layer>& layers() const { return layers_; }

 private:
  void write_layout(const std::vector<size_t>& sizes);
  std::string put_blob(const std::string& bytes) const;
  std::string directory_, registry_, token_, blobs_, manifest_;
  std::vector<Layer> layers_;
  int pid_ = -1;
};

namespace hub_detail {

inline std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline void write_all(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline pid_t start(std::vector<std::string> arguments) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  cr_assert(::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ) == 0);
  ::posix_spawn_file_actions_destroy(&actions);
  return pid;
}

// "registry=127.0.0.1:40001" of the ready line.
inline std::string field(const std::string& line, const std::string& name) {
  const size_t at = line.find(name + "=");
  if (at == std::string::npos) return {};
  const size_t begin = at + name.size() + 1;
  return line.substr(begin, line.find_first_of(" \n", begin) - begin);
}

}  // namespace hub_detail

inline std::string HubProcess::put_blob(const std::string& bytes) const {
  Hasher hasher("sha256");
  hasher.update(bytes);
  const oci::Digest digest = hasher.finish().take();
  hub_detail::write_all(directory_ + "/layout/blobs/sha256/" + std::string(digest.hex()), bytes);
  return digest.text();
}

inline void HubProcess::write_layout(const std::vector<size_t>& sizes) {
  for (const char* sub : {"/layout", "/layout/blobs", "/layout/blobs/sha256"})
    ::mkdir((directory_ + sub).c_str(), 0700);
  std::string list;
  for (size_t n = 0; n < sizes.size(); ++n) {
    std::string bytes(sizes[n], '\0');
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>((i * 2654435761U + n) >> 11);
    const std::string digest = put_blob(bytes);
    list += std::string(n ? "," : "") +
            R"({"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":")" + digest + R"(","size":)" +
            std::to_string(sizes[n]) + "}";
    layers_.push_back({digest, bytes});
  }
  const std::string kind = "application/vnd.oci.image.manifest.v1+json";
  const std::string manifest =
      R"({"schemaVersion":2,"mediaType":")" + kind +
      R"(","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")" + put_blob("{}") +
      R"(","size":2},"layers":[)" + list + "]}";
  manifest_ = put_blob(manifest);
  hub_detail::write_all(directory_ + "/layout/index.json",
                        R"({"schemaVersion":2,"manifests":[{"mediaType":")" + kind + R"(","digest":")" +
                            manifest_ + R"(","size":)" + std::to_string(manifest.size()) + "}]}");
}

inline HubProcess::HubProcess(const std::vector<std::string>& options,
                              const std::vector<size_t>& layer_sizes) {
  char name[] = "/tmp/test-hub.XXXXXX";
  directory_ = ::mkdtemp(name);
  write_layout(layer_sizes);
  std::vector<std::string> arguments = {
      "/usr/bin/python3", "tests/support/hub",  "--layout", directory_ + "/layout",
      "--listen",         "127.0.0.1:0",        "--log",    directory_ + "/log",
      "--ready",          directory_ + "/ready"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  pid_ = hub_detail::start(arguments);
  for (int i = 0; i < 6000 && ::access((directory_ + "/ready").c_str(), F_OK) != 0; ++i) ::usleep(10'000);
  const std::string ready = hub_detail::read_all(directory_ + "/ready");
  cr_assert(!ready.empty(), "the hub did not start");
  registry_ = hub_detail::field(ready, "registry");
  token_ = hub_detail::field(ready, "token");
  blobs_ = hub_detail::field(ready, "blobs");
}

inline HubProcess::~HubProcess() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  (void)!::system(("rm -rf --one-file-system " + directory_).c_str());
}

inline const std::string& HubProcess::place(const std::string& role) const {
  return role == "registry" ? registry_ : role == "token" ? token_ : blobs_;
}

inline void HubProcess::fault(const std::string& rule) const {
  CURL* easy = ::curl_easy_init();
  // http, and https where the hub was started so.
  ::curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
  ::curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  ::curl_easy_setopt(easy, CURLOPT_POSTFIELDS, rule.c_str());
  CURLcode code = CURLE_OK;
  for (const char* scheme : {"http://", "https://"}) {
    ::curl_easy_setopt(easy, CURLOPT_URL, (scheme + registry_ + "/_control").c_str());
    if ((code = ::curl_easy_perform(easy)) == CURLE_OK) break;
  }
  ::curl_easy_cleanup(easy);
  cr_assert_eq(code, CURLE_OK, "the hub takes no faults");
}

inline std::vector<std::string> HubProcess::log(const std::string& role) const {
  std::vector<std::string> lines;
  std::ifstream file(directory_ + "/log");
  for (std::string line; std::getline(file, line);) {
    const json::Document record = json::parse(line, {.name = "log"}).take();
    const auto text = [&](const char* key) { return std::string(record.root().find(key)->text()); };
    if (text("role") != role) continue;
    const std::string range = text("range");
    lines.push_back(text("method") + " " + text("path") + " " + text("authorization") + " " + text("status") +
                    (range.empty() ? "" : " " + range));
  }
  return lines;
}

inline size_t HubProcess::count(const std::string& role, const std::string& text) const {
  size_t n = 0;
  for (const std::string& line : log(role)) n += line.find(text) != std::string::npos ? 1 : 0;
  return n;
}
