#include "imagetool/registry/curl.h"

#include <dlfcn.h>

#include <cassert>

#include "spec/base/log.h"
#include "spec/base/text.h"

namespace curl {

namespace {

// Its interface's version, which has been this one since 2006.
constexpr const char* kName = "libcurl.so.4";

// A function of the library, to where it is called through.
class Symbols {
 public:
  explicit Symbols(void* library) : library_(library) {}

  template <class Function>
  void find(const char* name, Function*& function) {
    function = reinterpret_cast<Function*>(::dlsym(library_, name));
    if (!function && missing_.empty()) missing_ = name;
  }
  [[nodiscard]] const std::string& missing() const { return missing_; }

 private:
  void* const library_;
  std::string missing_;
};

std::string find_all(void* opened, Library& curl) {
  Symbols symbols(opened);
  symbols.find("curl_easy_cleanup", curl.easy_cleanup);
  symbols.find("curl_easy_getinfo", curl.easy_getinfo);
  symbols.find("curl_easy_init", curl.easy_init);
  symbols.find("curl_easy_setopt", curl.easy_setopt);
  symbols.find("curl_easy_strerror", curl.easy_strerror);
  symbols.find("curl_free", curl.free);
  symbols.find("curl_getdate", curl.getdate);
  symbols.find("curl_global_init", curl.global_init);
  symbols.find("curl_multi_add_handle", curl.multi_add_handle);
  symbols.find("curl_multi_cleanup", curl.multi_cleanup);
  symbols.find("curl_multi_info_read", curl.multi_info_read);
  symbols.find("curl_multi_init", curl.multi_init);
  symbols.find("curl_multi_perform", curl.multi_perform);
  symbols.find("curl_multi_poll", curl.multi_poll);
  symbols.find("curl_multi_remove_handle", curl.multi_remove_handle);
  symbols.find("curl_multi_setopt", curl.multi_setopt);
  symbols.find("curl_slist_append", curl.slist_append);
  symbols.find("curl_slist_free_all", curl.slist_free_all);
  symbols.find("curl_url", curl.url);
  symbols.find("curl_url_cleanup", curl.url_cleanup);
  symbols.find("curl_url_get", curl.url_get);
  symbols.find("curl_url_set", curl.url_set);
  return symbols.missing();
}

Result<Library> open() {
  void* const opened = ::dlopen(kName, RTLD_LAZY | RTLD_LOCAL);
  if (!opened) {
    const char* why = ::dlerror();
    logs::debug(why ? why : "dlopen failed");
    return Error(Kind::unsupported,
                 str::cat(kName, " cannot be loaded, by which registries are asked: install libcurl"));
  }
  Library curl{};
  if (const std::string missing = find_all(opened, curl); !missing.empty())
    return Error(Kind::unsupported, str::cat(kName, " has no '", missing, "': it is too old, update it"));
  if (const CURLcode code = curl.global_init(CURL_GLOBAL_DEFAULT); code != CURLE_OK)
    return Error(Kind::unsupported, str::cat(kName, ": ", curl.easy_strerror(code)));
  return curl;
}

}  // namespace

Result<const Library*> load() {
  static const Result<Library> opened = open();  // written once, read ever after
  if (!opened.ok()) return opened.error();
  return &opened.value();
}

const Library& library() {
  const Result<const Library*> loaded = load();
  assert(loaded.ok());
  return *loaded.value();
}

}  // namespace curl
