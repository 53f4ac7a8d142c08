#pragma once

// What is to be said of own certificates that are taken, as Envoy takes them, and that nobody accepts.

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "source/config/tls.h"

namespace pillion::config {

// "2026-01-01T00:00:00Z"
std::string UtcText(absl::Time time);

// Which it is, of the context's pairs: "certificate 1F of spiffe://td.test/web (/etc/web.pem)", fit to be shown.
std::string OwnCertificateText(const tls::Context& context, const CertificateFiles& files, size_t pair);

// Why peers will refuse certificates of it at `now`, a text for each: dates, and, where SVIDs are asked for, not being one.
std::vector<std::string> WhyRefused(const tls::Context& context, const CertificateFiles& files, absl::Time now);

// The trust domains of SVIDs that it would not accept from others, a text for each.
std::vector<std::string> StrangersToThemselves(const tls::Context& context, const CertificateFiles& files);

}  // namespace pillion::config
