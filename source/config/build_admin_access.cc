#include "source/config/build_admin_access.h"

#include "pillion/admin/v1/admin_access.pb.h"
#include "source/config/build_tls.h"
#include "source/config/text.h"
#include "source/config/token_file.h"

namespace pillion::config {
namespace {

using Message = pillion::admin::v1::AdminAccess;

AdminRoles BuildRoles(BuildContext& context, const Message::Grant& from, const std::string& path) {
  AdminRoles roles;
  for (int i = 0; i < from.roles_size(); ++i) {
    switch (from.roles(i)) {
      case Message::MONITOR:
        roles.Add(AdminRole::kMonitor);
        break;
      case Message::READ:
        roles.Add(AdminRole::kRead);
        break;
      case Message::PROFILE:
        roles.Add(AdminRole::kProfile);
        break;
      case Message::WRITE:
        roles.Add(AdminRole::kWrite);
        break;
      default:
        context.errors.Add(ElementPath(FieldPath(path, "roles"), i), "expected MONITOR, READ, PROFILE or WRITE");
    }
  }
  return roles;
}

// What it holds is read again by who asks for tokens.
void CheckTokenFile(BuildContext& context, const std::string& file, const std::string& path) {
  if (file.empty()) return context.errors.Add(path, "empty, expected a path");
  const absl::StatusOr<std::vector<std::string>> tokens = ReadTokenFile(file);
  if (!tokens.ok()) context.errors.Add(path, Concat('"', file, "\": ", std::string(tokens.status().message())));
}

AdminGrant BuildGrant(BuildContext& context, const Message::Grant& from, const std::string& path, const Admin& admin,
                      bool tls_verifies) {
  AdminGrant grant{.roles = BuildRoles(context, from, path), .to = AdminGrant::Anybody{}};
  switch (from.to_case()) {
    case Message::Grant::kAnybody:
      if (!from.anybody()) context.errors.Add(FieldPath(path, "anybody"), "false, expected true or another of its kind");
      break;
    case Message::Grant::kLocal:
      if (!from.local()) context.errors.Add(FieldPath(path, "local"), "false, expected true or another of its kind");
      grant.to = AdminGrant::Local{};
      break;
    case Message::Grant::kPrincipal:
      grant.to = BuildStringMatcher(context, from.principal(), FieldPath(path, "principal"));
      if (!tls_verifies) {
        context.errors.Add(FieldPath(path, "principal"), "needs tls with a validation context: a name in a certificate "
                                                         "that nobody vouches for says nothing");
      }
      break;
    case Message::Grant::kTokenFile:
      grant.to = AdminGrant::TokenFile{from.token_file()};
      CheckTokenFile(context, from.token_file(), FieldPath(path, "token_file"));
      break;
    case Message::Grant::kUids: {
      if (!admin.address || !std::holds_alternative<UnixPath>(*admin.address)) {
        context.errors.Add(FieldPath(path, "uids"), "needs a pipe as admin.address: nothing else tells of users");
      }
      const auto& uids = from.uids().uids();
      grant.to = AdminGrant::Uids(uids.begin(), uids.end());
      break;
    }
    case Message::Grant::TO_NOT_SET:
      break;
  }
  return grant;
}

}  // namespace

void BuildAdminAccess(BuildContext& context, const google::protobuf::Any& from, const std::string& path,
                      Bootstrap& bootstrap) {
  Message message;
  from.UnpackTo(&message);
  if (!bootstrap.admin.address && !context.errors.AnyBelow("admin")) {
    context.errors.Add(path, "an AdminAccess, but there is no administration to have access to: expected admin.address");
  }
  AdminAccess access;
  bool verifies = false;
  if (message.has_tls()) {
    access.tls = BuildServerContext(context, message.tls(), FieldPath(path, "tls"));
    if (access.tls != nullptr) {
      const std::shared_ptr<const tls::Context> made = access.tls->current();
      if (made != nullptr) {
        verifies = made->policy() != nullptr && made->policy()->verifies_chain();
      } else {  // it waits for a secret
        verifies = message.tls().common_tls_context().validation_context_type_case() != 0;
      }
    }
  }
  // A context that is wrong has its own errors.
  const bool judged = !message.has_tls() || access.tls != nullptr;
  for (int i = 0; i < message.grants_size(); ++i) {
    access.grants.push_back(BuildGrant(context, message.grants(i), ElementPath(FieldPath(path, "grants"), i),
                                       bootstrap.admin, verifies || !judged));
  }
  bootstrap.admin.access = std::move(access);
}

}  // namespace pillion::config
