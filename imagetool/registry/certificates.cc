#include "imagetool/registry/certificates.h"

#include <algorithm>

#include "imagetool/limits.h"
#include "spec/base/file.h"
#include "spec/base/sys.h"
#include "spec/base/text.h"

namespace certificates {

namespace {

constexpr std::string_view kPemHead = "-----BEGIN";

Result<std::string> read_authorities(Fd dir, const std::string& name, const std::string& shown) {
  std::string text = TRY(files::read(dir, name.c_str(), limits::kCertificates));
  if (text.find(kPemHead) == std::string::npos)
    return Error(Kind::invalid, str::cat("'", shown, "' holds no certificate in PEM form"));
  if (!text.ends_with('\n')) text += '\n';
  return text;
}

// nullopt: there is no such directory.
Result<std::optional<UniqueFd>> open_directory(const std::string& path) {
  Result<UniqueFd> dir = sys::open(path.c_str(), O_RDONLY | O_DIRECTORY);
  if (dir.ok()) return std::optional(std::move(dir).take());
  const int why = dir.error().errnum;
  if (why == ENOENT || why == ENOTDIR) return std::optional<UniqueFd>();
  return dir.take_error();
}

struct Found {
  std::string authorities;
  std::string client_cert, client_key;
};

Result<> take_client_cert(const std::string& directory, const std::string& stem, bool has_cert, bool has_key,
                          Found& found) {
  if (!has_key)
    return Error(Kind::invalid,
                 str::cat("'", directory, "/", stem, ".cert' has no '", stem, ".key' beside it"));
  if (!has_cert)
    return Error(Kind::invalid,
                 str::cat("'", directory, "/", stem, ".key' has no '", stem, ".cert' beside it"));
  if (!found.client_cert.empty())
    return Error(Kind::unsupported,
                 str::cat("'", directory, "' holds more than one client certificate: keep one"));
  found.client_cert = str::cat(directory, "/", stem, ".cert");
  found.client_key = str::cat(directory, "/", stem, ".key");
  return {};
}

Result<Found> read_directory(Fd dir, const std::string& path) {
  Found found;
  std::vector<std::string> names;
  for (const sys::Entry& entry : TRY(sys::list(dir))) names.push_back(entry.name);
  std::ranges::sort(names);
  const auto has = [&](const std::string& name) { return std::ranges::binary_search(names, name); };
  for (const std::string& name : names) {
    const size_t dot = name.rfind('.');
    if (dot == std::string::npos) continue;
    const std::string stem = name.substr(0, dot);
    const std::string ending = name.substr(dot);
    if (ending == ".crt") {
      found.authorities += TRY(read_authorities(dir, name, str::cat(path, "/", name)));
      if (found.authorities.size() > limits::kCertificates)
        return Error(Kind::invalid, str::cat("the certificates in '", path, "' are larger than ",
                                             limits::kCertificates, " bytes"));
    }
    if (ending == ".cert") TRY(take_client_cert(path, stem, true, has(stem + ".key"), found));
    if (ending == ".key" && !has(stem + ".cert")) TRY(take_client_cert(path, stem, false, true, found));
  }
  return found;
}

}  // namespace

std::vector<std::string> directories(const Environment& environment, const std::vector<std::string>& names) {
  std::vector<std::string> bases;
  if (!environment.xdg_config_home.empty())
    bases.push_back(environment.xdg_config_home + "/containers/certs.d/");
  else if (!environment.home.empty())
    bases.push_back(environment.home + "/.config/containers/certs.d/");
  bases.insert(bases.end(), {"/etc/containers/certs.d/", "/etc/docker/certs.d/"});
  std::vector<std::string> paths;
  for (const std::string& base : bases)
    for (const std::string& name : names) paths.push_back(base + name);
  return paths;
}

Result<http::Tls> find(const Environment& environment, const std::string& cert_dir,
                       const std::vector<std::string>& names, const http::Origin& origin) {
  const std::vector<std::string> paths =
      cert_dir.empty() ? directories(environment, names) : std::vector{cert_dir};
  Found found;
  bool any = false;
  for (const std::string& path : paths) {
    std::optional<UniqueFd> dir =
        TRY(open_directory(path).within("certificates of '", origin.authority(), "'"));
    if (!dir) continue;
    any = true;
    found = TRY(read_directory(*dir, path));
    break;
  }
  if (!any && !cert_dir.empty())
    return Error(Kind::invalid, str::cat("the certificate directory '", cert_dir, "' does not exist"));

  http::Tls tls{.ca_dir = environment.ssl_cert_dir,
                .client_cert = found.client_cert,
                .client_key = found.client_key,
                .client_cert_for = origin};
  // libcurl takes one source of authorities: where there are some of the user's, the system's are joined to them.
  const std::string& chosen = environment.ssl_cert_file;
  if (found.authorities.empty() && chosen.empty()) return tls;
  const std::string system = chosen.empty() ? http::system_authorities() : chosen;
  tls.authorities = std::move(found.authorities);
  Result<std::string> more = read_authorities(Fd::cwd(), system, system);
  if (more.ok())
    tls.authorities += more.value();
  else if (!chosen.empty())
    return more.take_error().within("SSL_CERT_FILE");
  return tls;
}

}  // namespace certificates
