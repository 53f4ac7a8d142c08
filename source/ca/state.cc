#include "source/ca/state.h"

#include <openssl/x509v3.h>

#include <algorithm>
#include <charconv>
#include <utility>
#include <variant>
#include <vector>

#include "source/identity/spiffe_id.h"
#include "source/identity/text.h"

namespace pillion::ca {
namespace {

using identity::Concat;
using identity::Quote;

constexpr std::string_view kHead =
    "# The state of a development CA, written by pillionctl ca. Who has it can act as anybody of the trust "
    "domain.\n";
constexpr size_t kMaxRoots = 64;

std::string MomentText(absl::Time time) {
  return time == absl::InfinitePast() ? "never" : TimeText(time);
}

// Goes through the lines; the first thing that is not as expected is the error.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool ok() const { return error_.empty(); }
  absl::Status status() const { return ok() ? absl::OkStatus() : absl::DataLossError(error_); }

  std::string_view Value(std::string_view name) {
    const std::string_view line = NextLine();
    if (line.starts_with(name) && line.substr(name.size()).starts_with(": ")) return line.substr(name.size() + 2);
    Fail(Concat(Quote(line), ": expected \"", name, ": ...\""));
    return "";
  }
  size_t Count(std::string_view name, size_t least, size_t most) {
    const std::string_view text = Value(name);
    size_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc() || end != text.data() + text.size() || count < least || count > most) {
      Fail(Concat(name, " ", Quote(text), ": expected a number from ", least, " to ", most));
    }
    return count;
  }
  absl::Time Moment(std::string_view name) {
    const std::string text(Value(name));
    absl::Time time = absl::InfinitePast();
    if (text == "never") return time;
    std::string error;
    if (!absl::ParseTime("%Y-%m-%dT%H:%M:%SZ", text, &time, &error) || time == absl::InfiniteFuture()) {
      Fail(Concat(name, " ", Quote(text), ": expected a time as 2026-01-31T12:00:00Z"));
    }
    return time;
  }
  std::string_view Pem(std::string_view label) {
    const std::string begin = Concat("-----BEGIN ", label, "-----"), end = Concat("-----END ", label, "-----");
    const std::string_view first = NextLine();
    if (first != begin) {
      Fail(Concat(Quote(first), ": expected ", begin));
      return "";
    }
    const char* const start = first.data();
    while (ok()) {
      const std::string_view line = NextLine();
      if (line == end) return {start, static_cast<size_t>(line.data() + line.size() - start)};
    }
    return "";
  }
  void End() {
    SkipBlank();
    if (!rest_.empty()) Fail(Concat(Quote(NextLine()), ": expected nothing after the last root"));
  }
  void Fail(std::string what) {
    if (ok()) error_ = Concat("line ", line_, ": ", what);
  }

 private:
  void SkipBlank() {
    while (rest_.starts_with('\n') || rest_.starts_with('#')) Cut();
  }
  std::string_view NextLine() {
    SkipBlank();
    if (rest_.empty()) {
      ++line_;
      Fail("the file ends too early");
      return "";
    }
    return Cut();
  }
  std::string_view Cut() {
    const std::string_view line = rest_.substr(0, rest_.find('\n'));
    rest_.remove_prefix(std::min(rest_.size(), line.size() + 1));
    ++line_;
    return line;
  }

  std::string_view rest_;
  size_t line_ = 0;
  std::string error_;
};

// Empty: it is a root of that trust domain.
std::string RootError(X509* root, std::string_view trust_domain) {
  if (X509_check_ca(root) != 1 || (X509_get_key_usage(root) & KU_KEY_CERT_SIGN) == 0) {
    return "the certificate is not a CA's";
  }
  if (X509_verify(root, X509_get0_pubkey(root)) != 1) return "the certificate is not signed by its own key";
  const absl::StatusOr<std::vector<identity::SubjectName>> names = identity::SubjectNames(root);
  const std::string expected = Concat("spiffe://", trust_domain);
  if (!names.ok() || names->size() != 1 || names->front().type != identity::NameType::kUri ||
      names->front().text != expected) {
    return Concat("the certificate is not that of ", Quote(expected));
  }
  return "";
}

// Appends it; else the reader has the error.
void ReadRoot(Reader& reader, std::string_view trust_domain, std::vector<Root>& roots) {
  const absl::Time signs_from = reader.Moment("signs-from");
  const absl::Time last_svid_ends = reader.Moment("last-svid-ends");
  const std::string_view certificate = reader.Pem("CERTIFICATE");
  const std::string_view key = reader.Pem("PRIVATE KEY");
  if (!reader.ok()) return;
  auto read = identity::ReadKeyPair(certificate, key, "");
  if (const auto* error = std::get_if<identity::KeyPairError>(&read)) return reader.Fail(error->text);
  Root root{.pair = std::get<identity::KeyPair>(std::move(read)),
            .signs_from = signs_from,
            .last_svid_ends = last_svid_ends};
  if (std::string error = RootError(root.pair.leaf(), trust_domain); !error.empty()) return reader.Fail(error);
  if (!roots.empty() && root.signs_from < roots.back().signs_from) {
    return reader.Fail("it signs earlier than the root before it");
  }
  roots.push_back(std::move(root));
}

}  // namespace

std::string StateText(const Authority& authority) {
  std::string text = Concat(kHead, "version: 1\ntrust-domain: ", authority.trust_domain(),
                            "\nroots: ", authority.roots().size(), "\n");
  for (const Root& root : authority.roots()) {
    text += Concat("\nsigns-from: ", MomentText(root.signs_from),
                   "\nlast-svid-ends: ", MomentText(root.last_svid_ends), "\n",
                   identity::PemText(root.pair.leaf()), KeyPem(root.pair.key.get()));
  }
  return text;
}

absl::StatusOr<Authority> ReadState(std::string_view text) {
  Reader reader(text);
  reader.Count("version", 1, 1);
  const std::string_view trust_domain = reader.Value("trust-domain");
  if (const std::string error = identity::TrustDomainError(trust_domain); !error.empty()) {
    reader.Fail(Concat("trust-domain ", Quote(trust_domain), " ", error));
  }
  const size_t count = reader.Count("roots", 1, kMaxRoots);
  std::vector<Root> roots;
  while (reader.ok() && roots.size() < count) ReadRoot(reader, trust_domain, roots);
  reader.End();
  if (!reader.ok()) return reader.status();
  return Authority(std::string(trust_domain), std::move(roots));
}

}  // namespace pillion::ca
