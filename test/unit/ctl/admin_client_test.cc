#include "source/ctl/admin_client.h"

#include <gtest/gtest.h>

namespace pillion::ctl {
namespace {

TEST(AdminClient, Addresses) {
  for (const char* text : {"127.0.0.1:9901", "http://127.0.0.1:9901", "http://[::1]:9901/", "unix:///run/x.sock"}) {
    EXPECT_TRUE(IsAdminAddress(text)) << text;
  }
  for (const char* text : {"a.yaml", "./a.yaml", "/not/there", "https://127.0.0.1:1", "localhost:1"}) {
    EXPECT_FALSE(IsAdminAddress(text)) << text;
  }
  EXPECT_EQ(ParseAdminTarget("http://[::1]:9901/", "")->address.text(), "[::1]:9901");
  EXPECT_EQ(ParseAdminTarget("/run/x.sock", "")->address.text(), "/run/x.sock");
  EXPECT_EQ(ParseAdminTarget("localhost:1", "").status().message(),
            "\"localhost:1\": expected the administration's address, as 127.0.0.1:9901 or unix:///run/pillion/admin.sock");
  EXPECT_FALSE(ParseAdminTarget("127.0.0.1:1", "/not/there").ok());
}

TEST(AdminClient, Query) {
  EXPECT_EQ(QueryOf({}), "");
  EXPECT_EQ(QueryOf({{"path", "/a?b=c&d"}, {"header", "x:\xc3\xa9 1"}}), "?path=%2Fa%3Fb%3Dc%26d&header=x%3A%C3%A9%201");
}

}  // namespace
}  // namespace pillion::ctl
