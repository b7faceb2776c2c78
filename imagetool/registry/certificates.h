// The certificates for one registry: containers-certs.d(5), as docker, podman and skopeo read it.
//
//   <base>/HOST[:PORT]/X.crt            an authority that is trusted beside the system's
//   <base>/HOST[:PORT]/X.cert + X.key   who we are, shown to that registry alone
//
// Bases: ~/.config/containers/certs.d, /etc/containers/certs.d, /etc/docker/certs.d; the first that has a directory for
// the registry is used, and no other.  --cert-dir names such a directory itself, instead of all of them.
// $SSL_CERT_FILE and $SSL_CERT_DIR replace the system's authorities, as with OpenSSL.
#pragma once

#include <string>
#include <vector>

#include "imagetool/registry/credentials.h"
#include "imagetool/registry/http.h"
#include "spec/base/error.h"

namespace certificates {

// `names`: the directories' names to look for, in order ("docker.io", "registry-1.docker.io").  `origin`: who gets to
// see the client certificate.  Kind::invalid: a certificate without its key or the other way round, a file that holds
// no certificate; a --cert-dir that does not exist.
Result<http::Tls> find(const Environment& environment, const std::string& cert_dir,
                       const std::vector<std::string>& names, const http::Origin& origin);

// The directories that are looked for, in order.
std::vector<std::string> directories(const Environment& environment, const std::vector<std::string>& names);

}  // namespace certificates
