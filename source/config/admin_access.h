#pragma once

// Who may do what with the administration, as configured.

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "source/config/tls.h"
#include "source/match/string_matcher.h"

namespace pillion::config {

enum class AdminRole : uint8_t { kMonitor, kRead, kProfile, kWrite };

// Who has kRead has kMonitor.
class AdminRoles {
 public:
  constexpr AdminRoles() = default;
  constexpr AdminRoles(std::initializer_list<AdminRole> roles) {
    for (const AdminRole role : roles) Add(role);
  }
  static constexpr AdminRoles All() { return {AdminRole::kRead, AdminRole::kProfile, AdminRole::kWrite}; }

  constexpr void Add(AdminRole role) {
    bits_ |= Bit(role);
    if (role == AdminRole::kRead) bits_ |= Bit(AdminRole::kMonitor);
  }
  constexpr void Add(AdminRoles roles) { bits_ |= roles.bits_; }
  constexpr bool Has(AdminRole role) const { return (bits_ & Bit(role)) != 0; }
  constexpr bool operator==(const AdminRoles&) const = default;

 private:
  static constexpr uint8_t Bit(AdminRole role) { return static_cast<uint8_t>(1 << static_cast<int>(role)); }

  uint8_t bits_ = 0;
};

struct AdminGrant {
  struct Anybody {};
  struct Local {};  // from a loopback address, or by a unix socket
  struct TokenFile {
    std::string path;
  };
  using Uids = std::vector<uint32_t>;

  AdminRoles roles;
  std::variant<Anybody, Local, match::StringMatcher, TokenFile, Uids> to;  // a matcher: of URIs of certificates
};

struct AdminAccess {
  std::vector<AdminGrant> grants;
  std::shared_ptr<RenewableContext> tls;  // null: plain HTTP
};

// Where nothing is configured: as Envoy has it for this machine, and what probes and scrapers need for all others.
inline AdminAccess DefaultAdminAccess() {
  return {.grants = {{.roles = AdminRoles::All(), .to = AdminGrant::Local{}},
                     {.roles = {AdminRole::kMonitor}, .to = AdminGrant::Anybody{}}},
          .tls = nullptr};
}

}  // namespace pillion::config
