#pragma once

// Clusters with a TLS context, as they are loaded, and what is said of them.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "source/config/tls.h"
#include "test/support/certificates.h"
#include "test/unit/config/loaded.h"

namespace pillion::config {

class TlsConfigTest : public ::testing::Test {
 protected:
  std::string Pair(const std::string& more = "") {
    return "{certificate_chain: " + Inline(leaf_.pem()) + ", private_key: " + Inline(leaf_.key_pem()) + more + "}";
  }
  std::string Ca() { return "trusted_ca: " + Inline(ca_.pem()); }

  // A cluster with a TLS context of these fields; `common`: of its common_tls_context.
  Loaded Load(const std::string& common, const std::string& fields = "", const std::string& cluster = "",
              const std::string& secrets = "") {
    return LoadText("static_resources: {secrets: [" + secrets + "], clusters: [{name: a, transport_socket: {name: tls, "
                    "typed_config: {'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, "
                    "common_tls_context: {" + common + "}" + fields + "}}" + cluster + "}]}");
  }
  std::shared_ptr<const UpstreamTls> Good(const std::string& common, const std::string& fields = "",
                                          const std::string& cluster = "", const std::string& secrets = "") {
    return GoodCluster(Load(common, fields, cluster, secrets))->tls;
  }
  // The errors without the context's place.
  static std::string Errors(const Loaded& loaded) {
    std::string result;
    for (const ConfigError& error : loaded.errors) {
      std::string path = error.path;
      for (const std::string_view prefix : {"static_resources.clusters[0].", "transport_socket.typed_config.",
                                            "common_tls_context."}) {
        if (path.starts_with(prefix)) path.erase(0, prefix.size());
      }
      result += (result.empty() ? "" : "; ") + path + ": " + error.message;
    }
    return result;
  }
  std::string Bad(const std::string& common, const std::string& fields = "", const std::string& cluster = "",
                  const std::string& secrets = "") {
    return Errors(Load(common, fields, cluster, secrets));
  }

  const test::Issued ca_ = test::IssueCertificate(test::CaSpec("ca"));
  const test::Issued leaf_ = test::IssueSvid(ca_, "spiffe://td.test/a");
};

}  // namespace pillion::config
