#include "source/proxy/forwarded_client_cert.h"

#include "source/base/arena.h"
#include "source/http/field_name.h"

namespace pillion::proxy {
namespace {

using http::HeaderId;
using identity::NameType;
using Mode = config::ForwardedClientCert::Mode;

const http::FieldName kField("x-forwarded-client-cert");

// A value ends its part nowhere but at its own end, whatever somebody had certified.
void AppendValue(std::string& to, std::string_view value) {
  if (value.find_first_of(",;=\" ") == value.npos) {
    to += value;
    return;
  }
  to += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') to += '\\';
    to += c;
  }
  to += '"';
}

void AppendPart(std::string& to, std::string_view key) {
  if (!to.empty()) to += ';';
  to += key;
  to += '=';
}

// Whether each quote in it ends: else what is appended would be a part of what somebody else has said.
bool EndsItsQuotes(std::string_view list) {
  bool quoted = false;
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i] == '"') quoted = !quoted;
    if (list[i] == '\\' && quoted) ++i;
  }
  return !quoted;
}

// One part for each name of that kind. False: there is none.
bool AppendNames(std::string& to, std::string_view key, tls::CertificateFacts& certificate, NameType type) {
  bool any = false;
  for (const identity::SubjectName& name : certificate.names()) {
    if (name.type != type) continue;
    AppendPart(to, key);
    AppendValue(to, name.text);
    any = true;
  }
  return any;
}

}  // namespace

std::string ClientCertElement(tls::Facts& facts, const config::ForwardedClientCert& says) {
  tls::CertificateFacts* const peer = facts.peer();
  std::string element;
  if (peer == nullptr) return element;
  if (tls::CertificateFacts* const local = facts.local()) AppendNames(element, "By", *local, NameType::kUri);
  AppendPart(element, "Hash");
  element += peer->sha256();
  if (says.cert) {
    AppendPart(element, "Cert");
    element += '"' + peer->url_pem() + '"';
  }
  if (says.chain) {
    AppendPart(element, "Chain");
    element += '"' + tls::UrlEncoded(facts.PeerChainPem()) + '"';
  }
  if (says.subject) {
    // As Envoy has it: in quotes always; those within it are behind backslashes already (RFC 2253, 2.4).
    AppendPart(element, "Subject");
    element += '"';
    element += peer->subject();
    element += '"';
  }
  if (says.uri && !AppendNames(element, "URI", *peer, NameType::kUri)) AppendPart(element, "URI");
  if (says.dns) AppendNames(element, "DNS", *peer, NameType::kDns);
  return element;
}

void SetForwardedClientCert(http::HeaderMap& headers, Mode mode, std::string_view element) {
  if (mode == Mode::kAlwaysForwardOnly) return;
  if (mode == Mode::kSanitize || element.empty()) {
    headers.Remove(HeaderId::kXForwardedClientCert);
    return;
  }
  if (mode == Mode::kForwardOnly) return;
  if (mode == Mode::kAppendForward) {
    if (const auto before = kField.All(headers); before && !before->empty() && EndsItsQuotes(*before)) {
      base::ArenaText list;
      list.Append(headers.arena(), *before);
      list.Append(headers.arena(), ",");
      list.Append(headers.arena(), element);
      headers.Set(HeaderId::kXForwardedClientCert, list.view());
      return;
    }
  }
  headers.Set(HeaderId::kXForwardedClientCert, element);
}

}  // namespace pillion::proxy
