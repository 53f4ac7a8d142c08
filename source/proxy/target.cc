#include "source/proxy/target.h"

#include <charconv>
#include <optional>

#include "source/http/path.h"

namespace pillion::proxy {

void NormalizeAuthority(http::RequestHead& head, const config::HttpConnectionManager& config, uint16_t port) {
  using StripPort = config::HttpConnectionManager::StripPort;
  const bool strips = config.strip_port != StripPort::kNone || config.strip_trailing_host_dot;
  if (!strips || head.method_id == http::Method::kConnect) return;
  std::string_view host = head.authority;
  std::string_view suffix;  // ":80"
  const size_t colon = host.rfind(':');
  if (colon != host.npos && host.find(']', colon) == host.npos) {
    suffix = host.substr(colon);
    host = host.substr(0, colon);
  }
  char text[8] = ":";
  const std::string_view own(text, static_cast<size_t>(std::to_chars(text + 1, text + sizeof text, port).ptr - text));
  const bool without_port = config.strip_port == StripPort::kAny ||
                            (config.strip_port == StripPort::kMatching && suffix == own);
  const bool without_dot = config.strip_trailing_host_dot && host.size() > 1 && host.ends_with('.');
  if (without_dot) host.remove_suffix(1);
  if (without_port || suffix.empty()) {
    head.authority = host;
  } else if (without_dot) {
    base::ArenaText both;
    both.Append(head.headers.arena(), host);
    both.Append(head.headers.arena(), suffix);
    head.authority = both.view();
  }
}

PathVerdict NormalizePath(http::RequestHead& head, const config::HttpConnectionManager& config) {
  using config::EscapedSlashes;
  base::Arena& arena = head.headers.arena();
  PathVerdict verdict = PathVerdict::kGood;
  if (!head.path.starts_with('/')) return verdict;
  if (config.escaped_slashes != EscapedSlashes::kKeep) {
    const std::string_view without = http::WithoutEscapedSlashes(head.path, arena);
    if (without != head.path) {
      if (config.escaped_slashes == EscapedSlashes::kReject) return PathVerdict::kRefused;
      if (config.escaped_slashes == EscapedSlashes::kRedirect) verdict = PathVerdict::kRedirected;
      head.path = without;
    }
  }
  if (config.normalize_path) {
    const std::optional<std::string_view> normal = http::NormalizedPath(head.path, arena);
    if (!normal) return PathVerdict::kRefused;
    head.path = *normal;
  }
  // After what was escaped has come to light.
  if (config.merge_slashes) head.path = http::WithMergedSlashes(head.path, arena);
  return verdict;
}

}  // namespace pillion::proxy
