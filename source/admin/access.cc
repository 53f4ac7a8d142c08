#include "source/admin/access.h"

#include <fmt/format.h>

#include <algorithm>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "source/config/token_file.h"
#include "source/match/ip_range.h"

namespace pillion::admin {
namespace {

using config::AdminGrant;
using config::AdminRole;

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

std::string WhoText(const Client& client, const std::string& address) {
  if (!client.uid) return address;
  std::string process = fmt::format("uid {}", *client.uid);
  if (client.pid) process += fmt::format(" pid {}", *client.pid);
  return address.empty() ? process : fmt::format("{} ({})", address, process);
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
    absl::StatusOr<std::vector<std::string>> tokens = config::ReadTokenFile(path);
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
