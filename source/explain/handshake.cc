#include "source/explain/handshake.h"

#include <fmt/format.h>

#include "source/config/tls.h"
#include "source/explain/texts.h"
#include "source/identity/peer_policy.h"

namespace pillion::explain {
namespace {

std::string_view ModeText(config::PeerMode mode) {
  switch (mode) {
    case config::PeerMode::kStrict:
      return "STRICT";
    case config::PeerMode::kPermissive:
      return "PERMISSIVE";
    case config::PeerMode::kDisable:
      return "DISABLE";
  }
  return "";
}

// "the mode of peer authentication, STRICT, "; empty: the chain has none.
std::string ByMode(const Connection& connection) {
  const std::optional<config::PeerModes>& modes = connection.chain->config().tls->modes;
  if (!modes) return "";
  const config::PeerMode mode = modes->At(connection.transport->local_address().port());
  return fmt::format("by its mode of peer authentication, {}, ", ModeText(mode));
}

std::vector<identity::SubjectName> NamesOf(const Question& question) {
  std::vector<identity::SubjectName> names;
  for (const std::string& name : question.principals) {
    names.push_back({name.find("://") != name.npos ? identity::NameType::kUri : identity::NameType::kDns, name, ""});
  }
  return names;
}

// Of a client that speaks TLS. Sets `end` where it is refused. Where the question says nothing of TLS it asks about routes:
// then it is said what the handshake needs, and nothing is refused.
std::string Outcome(const Question& question, const tls::Context& context, std::string& end) {
  const identity::PeerPolicy* const policy = context.policy();
  if (policy == nullptr || !policy->verifies()) {
    return question.principals.empty() ? "good: clients are not asked for certificates"
                                       : "good, but clients are not asked for certificates: the principal does not count";
  }
  if (!question.principals.empty()) {
    const auto refusal = policy->CheckNames(NamesOf(question), identity::PeerRole::kClient);
    if (!refusal) return "good, if somebody who is trusted has issued the certificate";
    end = "the handshake fails: " + refusal->text;
    return "refused: " + refusal->text;
  }
  if (!context.parts().require_peer_certificate) return "good: the client may come without a certificate";
  if (!question.tls) return "needs a client certificate, of which the question says nothing: principal names who shows it";
  constexpr std::string_view kWithout = "a client without a certificate, which is required: alert certificate_required";
  end = fmt::format("the handshake fails for {}; the question has no principal", kWithout);
  return fmt::format("refused for {}", kWithout);
}

}  // namespace

bool AsksForCertificate(const Connection& connection) {
  const config::DownstreamTls* const tls = connection.chain->config().tls.get();
  const std::shared_ptr<const tls::Context> context = tls == nullptr ? nullptr : tls->context->current();
  return context != nullptr && context->policy() != nullptr && context->policy()->verifies();
}

void DescribeHandshake(const Question& question, Connection& connection, Answer& answer) {
  const config::DownstreamTls* const tls = connection.chain->config().tls.get();
  if (tls == nullptr) {
    answer.Text("tls", "none");
    if (question.tls) connection.end = "the client speaks TLS, which the filter chain does not";
    return;
  }
  if (!connection.secured) {
    answer.Text("tls", "not for this connection, as its mode of peer authentication says");
    if (!question.tls) return;
    connection.end = fmt::format("the client speaks TLS, but {}the filter chain does not", ByMode(connection));
    return;
  }
  if (question.plain) {
    answer.Text("tls", "yes; the question says that the client does not speak it");
    connection.end = fmt::format("plain bytes come, but {}the filter chain takes nothing but TLS", ByMode(connection));
    return;
  }
  const std::shared_ptr<const tls::Context> context = tls->context->current();
  if (context == nullptr) {
    answer.Text("tls", "its certificates have not come");
    connection.end = "the certificates of the filter chain have not come";
    return;
  }
  answer.Text("tls", question.tls ? "yes" : "yes; the question does not say so, but the filter chain takes nothing else");
  answer.Text("handshake", Outcome(question, *context, connection.end));
}

}  // namespace pillion::explain
