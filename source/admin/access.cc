#include "source/admin/access.h"

#include <fmt/format.h>

#include <algorithm>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "source/config/read_file.h"
#include "source/match/ip_range.h"

namespace pillion::admin {
namespace {

using config::AdminGrant;
using config::AdminRole;

constexpr size_t kMaxFile = 64 << 10;
constexpr size_t kMaxTokens = 16;
constexpr std::string_view kScheme = "bearer ";

// As long for a text that is wrong in its first byte as for one that is wrong in its last.
bool SameSecret(std::string_view given, std::string_view secret) {
  volatile unsigned char different = given.size() == secret.size() ? 0 : 1;
  for (size_t i = 0; i < given.size(); ++i) {
    different = static_cast<unsigned char>(different | (given[i] ^ secret[i % secret.size()]));
  }
  return different == 0;
}

// Of "Bearer <token>"; empty: it is something else.
std::string_view TokenOf(std::string_view authorization) {
  if (!absl::StartsWithIgnoreCase(absl::string_view(authorization.data(), authorization.size()),
                                  absl::string_view(kScheme.data(), kScheme.size()))) {
    return {};
  }
  return authorization.substr(kScheme.size());
}

// A token a line. What a line end may have left in it, or a person, is no part of a token that anybody could send.
absl::StatusOr<std::vector<std::string>> ParseTokens(std::string_view text) {
  std::vector<std::string> tokens;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const auto wrong = std::find_if(line.begin(), line.end(), [](char c) { return c <= ' ' || c > '~'; });
    if (wrong != line.end()) {
      return absl::InvalidArgumentError(fmt::format("line {}: byte {:#04x} at {}, expected no blanks and only ASCII", number,
                                                    static_cast<unsigned char>(*wrong), wrong - line.begin() + 1));
    }
    if (line.size() < Access::kLeastToken) {
      return absl::InvalidArgumentError(
          fmt::format("line {}: {} bytes, expected at least {}", number, line.size(), Access::kLeastToken));
    }
    tokens.emplace_back(line);
  }
  if (tokens.empty()) return absl::InvalidArgumentError("has no token");
  if (tokens.size() > kMaxTokens) {
    return absl::InvalidArgumentError(fmt::format("has {} tokens, expected at most {}", tokens.size(), kMaxTokens));
  }
  return tokens;
}

}  // namespace

std::string_view RoleName(AdminRole role) {
  constexpr std::string_view kNames[] = {"monitor", "read", "profile", "write"};
  return kNames[static_cast<size_t>(role)];
}

std::string RolesText(config::AdminRoles roles) {
  std::string text;
  for (const AdminRole role : {AdminRole::kMonitor, AdminRole::kRead, AdminRole::kProfile, AdminRole::kWrite}) {
    if (roles.Has(role)) text += fmt::format("{}{}", text.empty() ? "" : ", ", RoleName(role));
  }
  return text.empty() ? "no role" : text;
}

bool IsLocal(const config::Address& address) {
  const auto* const socket = std::get_if<config::SocketAddress>(&address);
  if (socket == nullptr) return true;
  const auto ip = match::IpAddress::Parse(socket->ip);
  if (!ip) return false;
  return match::IpRange(*match::IpAddress::Parse("127.0.0.0"), 8).Contains(*ip) || ip == match::IpAddress::Parse("::1");
}

std::vector<std::string> Access::token_files() const {
  std::vector<std::string> paths;
  for (const AdminGrant& grant : access_.grants) {
    if (const auto* file = std::get_if<AdminGrant::TokenFile>(&grant.to)) paths.push_back(file->path);
  }
  return paths;
}

absl::Status Access::ReadTokens() {
  absl::Status result;
  tokens_.clear();
  for (const std::string& path : token_files()) {
    const absl::StatusOr<std::string> text = config::ReadPrivateFile(path, kMaxFile);
    absl::StatusOr<std::vector<std::string>> tokens =
        text.ok() ? ParseTokens(*text) : absl::StatusOr<std::vector<std::string>>(text.status());
    if (tokens.ok()) {
      tokens_.push_back({path, *std::move(tokens)});
    } else {
      result.Update(absl::Status(tokens.status().code(),
                                 fmt::format("token_file \"{}\": {}", path, std::string(tokens.status().message()))));
    }
  }
  return result;
}

bool Access::IsToken(const std::string& path, std::string_view authorization) const {
  const std::string_view given = TokenOf(authorization);
  if (given.empty()) return false;
  bool found = false;
  for (const Tokens& file : tokens_) {
    if (file.path != path) continue;
    for (const std::string& token : file.texts) found |= SameSecret(given, token);
  }
  return found;
}

config::AdminRoles Access::RolesOf(const Client& client, std::string_view authorization) const {
  config::AdminRoles roles;
  for (const AdminGrant& grant : access_.grants) {
    bool granted = false;
    if (std::holds_alternative<AdminGrant::Anybody>(grant.to)) {
      granted = true;
    } else if (std::holds_alternative<AdminGrant::Local>(grant.to)) {
      granted = client.local;
    } else if (const auto* principal = std::get_if<match::StringMatcher>(&grant.to)) {
      granted = std::any_of(client.uris.begin(), client.uris.end(),
                            [&](const std::string& uri) { return principal->Matches(uri); });
    } else if (const auto* file = std::get_if<AdminGrant::TokenFile>(&grant.to)) {
      granted = IsToken(file->path, authorization);
    } else {
      const auto& uids = std::get<AdminGrant::Uids>(grant.to);
      granted = client.uid && std::find(uids.begin(), uids.end(), *client.uid) != uids.end();
    }
    if (granted) roles.Add(grant.roles);
  }
  return roles;
}

bool Access::TakesToken(std::string_view authorization) const {
  const std::vector<std::string> files = token_files();
  return !files.empty() && std::none_of(files.begin(), files.end(),
                                        [&](const std::string& path) { return IsToken(path, authorization); });
}

}  // namespace pillion::admin
