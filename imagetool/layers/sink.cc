#include "imagetool/layers/sink.h"

#include <openssl/evp.h>

#include "spec/base/text.h"

namespace {

EVP_MD_CTX* context(void* p) { return static_cast<EVP_MD_CTX*>(p); }

const EVP_MD* method(std::string_view algorithm) {
  if (algorithm == "sha256") return EVP_sha256();
  if (algorithm == "sha512") return EVP_sha512();
  return nullptr;
}

}  // namespace

void Hasher::Free::operator()(void* p) const { EVP_MD_CTX_free(context(p)); }

Hasher::Hasher(std::string_view algorithm) : algorithm_(algorithm) {
  const EVP_MD* md = method(algorithm);
  if (!md) return;
  std::unique_ptr<void, Free> made(EVP_MD_CTX_new());
  if (made && EVP_DigestInit_ex(context(made.get()), md, nullptr) == 1) context_ = std::move(made);
}

void Hasher::update(std::string_view bytes) {
  if (!context_) return;  // finish() tells
  if (EVP_DigestUpdate(context(context_.get()), bytes.data(), bytes.size()) != 1) context_.reset();
}

Result<oci::Digest> Hasher::finish() {
  unsigned char raw[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (!context_ || EVP_DigestFinal_ex(context(context_.get()), raw, &size) != 1)
    return Error(Kind::unsupported,
                 str::cat("the digest algorithm '", str::printable(algorithm_), "' is not available"));
  constexpr char kHex[] = "0123456789abcdef";
  std::string text = algorithm_ + ":";
  for (unsigned i = 0; i < size; ++i) text += {kHex[raw[i] >> 4], kHex[raw[i] & 15]};
  return oci::Digest::parse(text);
}

Verifier::Verifier(const oci::Descriptor& want, Sink& next)
    : want_(want.digest), size_(want.size), next_(next), hasher_(want.digest.algorithm()) {}

Result<> Verifier::write(std::string_view bytes) {
  if (bytes.size() > size_ - count_)
    return Error(Kind::invalid, str::cat("is larger than the ", size_, " bytes its descriptor announces"));
  count_ += bytes.size();
  hasher_.update(bytes);
  return next_.write(bytes);
}

Result<> Verifier::finish() {
  if (count_ != size_)
    return Error(Kind::invalid,
                 str::cat("ends after ", count_, " of the ", size_, " bytes its descriptor announces"));
  const oci::Digest got = TRY(hasher_.finish());
  if (got != want_)
    return Error(Kind::invalid, str::cat("has the digest ", got.text(), " instead of ", want_.text()));
  return next_.finish();
}

Result<> Digester::write(std::string_view bytes) {
  hasher_.update(bytes);
  return {};
}

Result<> Tee::write(std::string_view bytes) {
  TRY(first_.write(bytes));
  return second_.write(bytes);
}

Result<> Tee::finish() {
  TRY(first_.finish());
  return second_.finish();
}

Result<> Limit::write(std::string_view bytes) {
  if (bytes.size() > left_)
    return Error(Kind::invalid, str::cat(what_, " is larger than ", limit_, " bytes"));
  left_ -= bytes.size();
  return next_.write(bytes);
}
