// libcurl, loaded when it is first needed.
//
// Debian's brings thirty other libraries with it, for LDAP, Kerberos, SSH and the like.  To load and relocate them takes
// 5 ms of CPU, as much as all else that commands do which need no network: `images`, `rm`, `bundle` of an image that is
// there.  So the programs are not linked with it; it is opened by its name (dlopen(3)) when a URL is first looked at,
// which comes before every request.  Its headers are those it was built with, so the compiler checks the calls.
#pragma once

#include <curl/curl.h>

#include <string>

#include "spec/base/error.h"

namespace curl {

// What we use of it, by the names of its functions without "curl_".
struct Library {
  decltype(&::curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_easy_getinfo) easy_getinfo;
  decltype(&::curl_easy_init) easy_init;
  decltype(&::curl_easy_setopt) easy_setopt;
  decltype(&::curl_easy_strerror) easy_strerror;
  decltype(&::curl_free) free;
  decltype(&::curl_getdate) getdate;
  decltype(&::curl_global_init) global_init;
  decltype(&::curl_multi_add_handle) multi_add_handle;
  decltype(&::curl_multi_cleanup) multi_cleanup;
  decltype(&::curl_multi_info_read) multi_info_read;
  decltype(&::curl_multi_init) multi_init;
  decltype(&::curl_multi_perform) multi_perform;
  decltype(&::curl_multi_poll) multi_poll;
  decltype(&::curl_multi_remove_handle) multi_remove_handle;
  decltype(&::curl_multi_setopt) multi_setopt;
  decltype(&::curl_slist_append) slist_append;
  decltype(&::curl_slist_free_all) slist_free_all;
  decltype(&::curl_url) url;
  decltype(&::curl_url_cleanup) url_cleanup;
  decltype(&::curl_url_get) url_get;
  decltype(&::curl_url_set) url_set;
};

// Loads it at the first call, and initializes it; never unloads it.  Kind::unsupported: it is not installed.  For a
// process with one thread: curl_global_init(3).
Result<const Library*> load();

// Precondition: load() has succeeded.  Whoever has an http::Url may take that for granted.
const Library& library();

}  // namespace curl
